"""A drill from its start to its verdict."""

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from worker.bootstrap import Producer, make_producer
from worker.cli.access import OPERATOR_TIMEOUT_SECONDS
from worker.demo.stack import Stack
from worker.drill.environment import changed_settings
from worker.drill.load import UNMAPPED, EventSource, Load
from worker.drill.plan import Action, Step, make_plan
from worker.drill.report import Report
from worker.drill.show import Moment, View, clock
from worker.drill.verdict import Count, Record, SentEvent, Verdict, expected
from worker.errors import JournalUnavailable
from worker.journal import Snapshot
from worker.policy import backoff_seconds
from worker.sandbox.client import SandboxClient
from worker.sandbox.record_file import read_calls

if TYPE_CHECKING:
    import subprocess

POLL_SECONDS = 0.1

#: Between two looks at the journal.
LOOK_SECONDS = 1.0

#: How long workers may take to begin, and the sandbox to listen again.
START_SECONDS = 60.0
CONTROL_SECONDS = 10.0

#: What stays in flight for this long after the load is called undelivered, however long the
#: operator's own retries would go on.
LONGEST_PATIENCE_SECONDS = 600.0

#: So many waits for a retry in a row are drained out.
ROUNDS = 4

#: How the record file marks the first acceptance of a key.
FIRST = b'"duplicate":false}'

#: With nothing in flight a worker that does not stop can be killed without harm.
STOP_SECONDS = 5.0

STEADY = "steady"
VICTIM = "victim"


class DrillError(RuntimeError):
    """The drill itself could not go on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator asked for."""

    #: Names keys, queue, workers and events.
    name: str
    minutes: float
    #: Events a second.
    rate: float
    seed: int
    embedded: bool

    @property
    def duration_seconds(self) -> float:
        """How long load is made."""
        return self.minutes * 60


@dataclass(slots=True)
class Drill:
    """Runs once.

    Args:
        options: What the operator asked for.
        view: Where it shows how it goes.
        stopped: Whether a signal came.
        stack: Is started here; whoever made it stops it.
    """

    options: Options
    view: View
    stopped: Callable[[], bool]
    stack: Stack
    _workers: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)
    _broken: list[Step] = field(default_factory=list)
    _kills: dict[Action, int] = field(default_factory=dict)
    _exits: int = 0
    _begun_at: float = 0.0
    _looked_at: float = 0.0
    _snapshot: Snapshot | None = None
    _recorded: int = 0
    _accepted: int = 0

    def run(self) -> Report:
        """Start everything, break it by the plan, wait until it is empty, and count.

        Raises:
            JournalUnavailable: Redis cannot be asked at the end.
            DrillError: Something of the drill's own failed.
        """
        self._start()
        load = Load(self.stack.producer().intake.enqueue, self._source())
        looking = self.stack.producer()
        load.start()
        try:
            self._play(load, looking)
            load.end()
            drain_seconds = self._drain(load, looking)
        finally:
            load.end()
        if load.failure:
            raise DrillError(f"enqueue() failed: {load.failure!r}") from load.failure
        self.view.note(
            f"{'interrupted: ' if self.stopped() else ''}stopping the workers, then counting"
        )
        if drain_seconds is None:
            self.stack.stop_workers()
        else:
            self.stack.stop_workers(STOP_SECONDS)
        return self._report(load, drain_seconds)

    # Starting

    def _start(self) -> None:
        if self.options.embedded:
            # A kill must not be able to take what a slow disk still holds back.
            self.stack.start_valkey(appendfsync="always")
        self.stack.start_sandbox(
            "--record", str(self._record), "--seed", str(self.options.seed), "--keep", "1000"
        )
        for worker in (STEADY, VICTIM):
            self._start_worker(worker)
        self._introduce()
        journal = self.stack.producer().journal
        deadline = time.monotonic() + START_SECONDS
        while len(journal.snapshot().workers) < len(self._workers):
            if self.stopped():
                return
            if time.monotonic() > deadline:
                raise DrillError(f"the workers did not begin: see {self.keep_evidence()}")
            time.sleep(POLL_SECONDS)

    def _start_worker(self, worker: str) -> None:
        self._workers[worker] = self.stack.start_worker(
            "-n", f"{self.options.name}-{worker}@%h", CONVERTRO_LOG_LEVEL="INFO"
        )

    def _introduce(self) -> None:
        """Say what runs, for people and for whoever measures it."""
        parts = [f"{worker} worker {process.pid}" for worker, process in self._workers.items()]
        if self.options.embedded:
            parts.append(f"Valkey on port {self.stack.valkey.port}")
        self.view.note(
            f"drill {self.options.name}, seed {self.options.seed}: {', '.join(parts)}\n"
            f"the sandbox's record is {self._record}"
        )
        for variable, value in self._changed.items():
            self.view.note(f"  {variable}={value}")

    @property
    def _record(self) -> Path:
        return self.stack.folder / "accepted.jsonl"

    @property
    def _changed(self) -> dict[str, str]:
        return changed_settings(self.stack.settings, self.stack.environment)

    def _source(self) -> EventSource:
        mapped = self.stack.settings.events
        return EventSource(
            name=self.options.name,
            seed=self.options.seed,
            started_at=time.time(),
            rate=self.options.rate,
            mapped=mapped[0].key if mapped else UNMAPPED,
        )

    # Breaking

    def _play(self, load: Load, looking: Producer) -> None:
        """Carry the plan out while load is made."""
        self._begun_at = time.monotonic()
        steps = deque(
            make_plan(
                self.options.duration_seconds,
                seed=self.options.seed,
                lease_seconds=self.stack.settings.lease_seconds,
                kills_redis=self.options.embedded,
            )
        )
        while self._elapsed < self.options.duration_seconds and not self.stopped():
            if load.failure:
                return
            while steps and steps[0].at_seconds <= self._elapsed:
                self._carry_out(steps.popleft())
            self._revive()
            self._look(load, looking, draining=False)
            time.sleep(POLL_SECONDS)

    def _carry_out(self, step: Step) -> None:
        self.view.note(f"{clock(self._elapsed)}  {step.says}")
        self._broken.append(step)
        self._kills[step.action] = self._kills.get(step.action, 0) + 1
        match step.action:
            case Action.FAULT:
                self._install(step.rule)
            case Action.KILL_WORKER:
                self.stack.kill_worker(self._workers.pop(VICTIM))
            case Action.START_WORKER:
                self._start_worker(VICTIM)
            case Action.KILL_REDIS:
                self.stack.kill_valkey()
            case Action.START_REDIS:
                self.stack.restart_valkey()

    def _install(self, rule: str) -> None:
        """Give the sandbox a rule in place of those that are over."""
        deadline = time.monotonic() + CONTROL_SECONDS
        while True:
            try:
                self._sandbox.clear_faults()
                self._sandbox.add_fault(rule)
            except requests.RequestException as error:
                # It has only just begun to listen again.
                if time.monotonic() > deadline:
                    raise DrillError(f"the sandbox takes no fault: {error}") from error
                time.sleep(POLL_SECONDS)
            else:
                return

    @property
    def _sandbox(self) -> SandboxClient:
        return self.stack.sandbox

    def _revive(self) -> None:
        """Start a worker again that ended by itself, as a supervisor would."""
        for worker, process in list(self._workers.items()):
            if process.poll() is not None:
                self._exits += 1
                self.view.note(
                    f"{clock(self._elapsed)}  the {worker} worker ended by itself, exit code "
                    f"{process.returncode}; it is started again"
                )
                self._start_worker(worker)

    def _drain(self, load: Load, looking: Producer) -> float | None:
        """Wait until nothing is in flight; answers how long that took, None if it never was."""
        begun = time.monotonic()
        self.view.note(
            f"{clock(self._elapsed)}  load and faults are over; waiting until nothing is in "
            f"flight, at most {self._patience_seconds:.0f} s"
        )
        while time.monotonic() - begun < self._patience_seconds and not self.stopped():
            self._looked_at = 0.0
            self._look(load, looking, draining=True)
            if self._snapshot is not None and self._snapshot.in_flight == 0:
                return time.monotonic() - begun
            self._revive()
            time.sleep(POLL_SECONDS)
        return None

    @property
    def _patience_seconds(self) -> float:
        settings = self.stack.settings
        waits = sum(backoff_seconds(number, settings) for number in range(ROUNDS))
        patience = settings.lease_seconds + waits * (1 + settings.retry_jitter)
        return min(LONGEST_PATIENCE_SECONDS, patience + settings.longest_call_seconds)

    # Looking

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun_at

    def _look(self, load: Load, looking: Producer, *, draining: bool) -> None:
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = time.monotonic()
            try:
                self._snapshot = looking.journal.snapshot()
            except JournalUnavailable:
                self._snapshot = None
        self._broken = [step for step in self._broken if step.until_seconds > self._elapsed]
        self.view.show(
            Moment(
                elapsed_seconds=self._elapsed,
                duration_seconds=self.options.duration_seconds,
                broken="; ".join(step.says for step in self._broken),
                draining=draining,
                sent=len(load.acknowledged),
                retries=load.retries,
                accepted=self._count_accepted(),
                snapshot=self._snapshot,
                workers=sum(process.poll() is None for process in self._workers.values()),
            )
        )

    def _count_accepted(self) -> int:
        """Different calls in the record so far; only what is new of it is read."""
        with self._record.open("rb") as file:
            file.seek(self._recorded)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._recorded += len(line)
                self._accepted += FIRST in line
        return self._accepted

    # Counting

    def _report(self, load: Load, drain_seconds: float | None) -> Report:
        verdict, unaccounted, problems = self._count(load)
        return Report(
            verdict=verdict,
            interrupted=self.stopped(),
            seed=self.options.seed,
            minutes=self.options.minutes,
            rate=self.options.rate,
            embedded=self.options.embedded,
            settings=self._changed,
            drain_seconds=drain_seconds,
            worker_kills=self._kills.get(Action.KILL_WORKER, 0),
            redis_kills=self._kills.get(Action.KILL_REDIS, 0),
            worker_exits=self._exits,
            retries=load.retries,
            unaccounted=unaccounted,
            problems=problems,
        )

    def _count(self, load: Load) -> tuple[Verdict, int, dict[str, str]]:
        journal = make_producer(self.stack.settings, OPERATOR_TIMEOUT_SECONDS).journal
        dead = {
            letter.event_id: letter.record.reason or "unknown" for letter in journal.dead_letters()
        }
        count = Count(Record(read_calls(self._record)), dead, lambda name: journal.look(name).place)
        for event in self._sent(load):
            count.add(event)
        number = len(load.acknowledged)
        count.excuse(self._expected(load, number, 0.0))
        return count.verdict(), journal.snapshot().unaccounted, dict(journal.inspect())

    def _sent(self, load: Load) -> Iterator[SentEvent]:
        for number, acknowledged_at in enumerate(load.acknowledged):
            yield self._expected(load, number, acknowledged_at)

    def _expected(self, load: Load, number: int, acknowledged_at: float) -> SentEvent:
        source = load.source
        return expected(
            source.event(number), source.event_id(number), acknowledged_at, self.stack.settings
        )

    def keep_evidence(self) -> Path:
        """Copy the record and the workers' log to where they outlive the drill."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.options.name}-"))
        for file in (self._record, self.stack.worker_log):
            if file.exists():
                shutil.copy(file, folder)
        return folder
