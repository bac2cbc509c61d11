"""The command `convertro demo`."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import requests
import typer
from rich.console import Console

from convertro.errors import InvalidEvent
from worker.cli.terminal.extras import require_extra
from worker.journal.producer import Producer
from worker.lab.demo.demo_screen import ScreenRow, audit_line, by_event, fates_in, table_of
from worker.lab.demo.samples import ENVIRONMENT, FAILING_ID, REFUSED_ID, SAMPLES, Sample, SampleFate
from worker.lab.demo.stack import Stack
from worker.lab.sandbox.client import SandboxClient

#: How long to wait for deliveries, in seconds: if they take longer, something is wrong.
_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.05

_FAULTS = (
    f"status=503,times=2,match={FAILING_ID}",
    f"status=400,match={REFUSED_ID}",
)

_Answers = dict[int, tuple[SampleFate, str]]


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")
    ] = False,
) -> None:
    """See the main job done: Valkey, sandbox, worker and sample events in one process tree.

    Example: convertro demo --keep

    Exit codes: 0 everything became what it should, 1 something did not, 2 a wrong option, or the
    extra is not installed.
    """
    require_extra("demo", "demo")
    # At SIGTERM, stop everything that was started.
    signal.signal(signal.SIGTERM, _leave)
    console = Console(highlight=False)
    console.print(
        "Raw Segment events go into a journal in Redis; a Celery worker translates\n"
        "each one and delivers it to Convertro, for which a sandbox stands in here.\n"
    )
    with Stack(ENVIRONMENT) as stack:
        sandbox, producer = _start(stack, console)
        with _step(console, "Collector, to which Segment's SDKs post"):
            collector_url = stack.start_collector()
        answers = _enqueue(producer, collector_url, console)
        drained = _wait(producer, console)
        rows = _rows(stack, sandbox, answers)
        console.print(table_of(rows))
        console.print()
        console.print(_verdict(producer, rows))
        if keep:
            _keep(stack, collector_url, console)
    if not (drained and all(row.as_expected for row in rows)):
        raise typer.Exit(1)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    """Show what the block does, then that it is done and how long it took."""
    begun = time.monotonic()
    with console.status(f"{title} …"):
        yield
    console.print(f"[green]✓[/] {title} [dim]({time.monotonic() - begun:.1f} s)[/]")


def _start(stack: Stack, console: Console) -> tuple[SandboxClient, Producer]:
    with _step(console, "Embedded Valkey server, append-only file on"):
        stack.start_valkey()
    with _step(console, "Convertro sandbox, told to fail for two of the events"):
        sandbox = stack.start_sandbox()
        for fault in _FAULTS:
            sandbox.add_fault(fault)
    producer = stack.producer()
    with _step(console, "Celery worker with two processes"):
        stack.start_worker()
        _until(lambda: bool(producer.journal.snapshot().workers))
    return sandbox, producer


def _enqueue(producer: Producer, collector_url: str, console: Console) -> _Answers:
    """Enqueue or post every sample; return those refused or known already, by index."""
    answers: _Answers = {}
    with _step(console, f"{len(SAMPLES)} events enqueued"):
        for index, sample in enumerate(SAMPLES):
            if sample.posted:
                _post(collector_url, sample)
                continue
            before = producer.journal.snapshot().total("duplicate")
            try:
                producer.intake.enqueue(sample.event)
            except InvalidEvent as error:
                answers[index] = (SampleFate.REFUSED, str(error))
            else:
                if producer.journal.snapshot().total("duplicate") > before:
                    answers[index] = (SampleFate.DUPLICATE, "its id is known")
    return answers


def _post(collector_url: str, sample: Sample) -> None:
    """Post a sample as a batch, as Segment's SDKs do."""
    batch = {"batch": [sample.event]}
    answer = requests.post(f"{collector_url}/v1/batch", json=batch, timeout=_PATIENCE_SECONDS)
    answer.raise_for_status()


def _wait(producer: Producer, console: Console) -> bool:
    """Wait until nothing is in flight; return whether that was in time."""
    begun = time.monotonic()
    with console.status("Delivering …"):
        drained = _until(lambda: producer.journal.snapshot().in_flight == 0)
    if drained:
        took_seconds = time.monotonic() - begun
        console.print(f"[green]✓[/] Nothing is in flight any more [dim]({took_seconds:.1f} s)[/]")
    else:
        console.print(f"[red]✗[/] Events are still in flight after {_PATIENCE_SECONDS:g} s")
    console.print()
    return drained


def _until(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _rows(stack: Stack, sandbox: SandboxClient, answers: _Answers) -> list[ScreenRow]:
    fates = fates_in(stack.worker_lines())
    calls = by_event((call.key, call) for call in sandbox.calls())
    statuses = by_event((request["key"], request["status"]) for request in sandbox.requests())

    def row(index: int, sample: Sample) -> ScreenRow:
        if index in answers:
            fate, why = answers[index]
            return ScreenRow(sample, fate, why, (), ())
        event_id = sample.event["messageId"]
        known, why = fates.get(event_id, (None, ""))
        return ScreenRow(sample, known, why, calls[event_id], statuses[event_id])

    return [row(index, sample) for index, sample in enumerate(SAMPLES)]


def _verdict(producer: Producer, rows: list[ScreenRow]) -> str:
    snapshot = producer.journal.snapshot()
    good = snapshot.unaccounted == 0 and all(row.as_expected for row in rows)
    mark, says = (
        ("[green]✓[/]", "Every event is accounted for.")
        if good
        else ("[red]✗[/]", "Something is wrong.")
    )
    return f"{mark} {audit_line(snapshot)}. {says}"


def _keep(stack: Stack, collector_url: str, console: Console) -> None:
    """Leave everything running and say how to reach it."""
    folder = Path(sys.executable).parent
    console.print("\nEverything is still running. In another shell:\n")
    console.print(f"  export PATH='{folder}':\"$PATH\"", soft_wrap=True)
    for name, value in stack.environment.items():
        console.print(f"  export {name}='{value}'", soft_wrap=True)
    console.print(
        "\n  # enqueue more, look, and see what the dead letters are\n"
        '  echo \'{"type": "track", "event": "Signed Up", "userId": "u1", '
        '"context": {"library": {"name": "analytics.js"}}}\' | convertro enqueue -\n'
        "\n  # the same through the collector, as Segment's SDKs do\n"
        '  curl -d \'{"event": "Signed Up", "userId": "u2", "messageId": "m2", '
        '"context": {"library": {"name": "analytics.js"}}}\' '
        f"{collector_url}/v1/track\n"
        "\n  convertro status\n"
        "  convertro dead list\n"
        "\n  # Flower, if it is installed; then open http://127.0.0.1:5555\n"
        "  celery -A worker.app flower --address=127.0.0.1"
        " --tasks-columns=name,uuid,state,result,received,runtime,worker\n"
        f"\n  # what the sandbox accepted\n  curl {stack.sandbox.base_url}/_sandbox/calls\n",
        markup=False,
        soft_wrap=True,
    )
    with console.status("Ctrl-C ends it."):
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            console.print("Stopping.")
