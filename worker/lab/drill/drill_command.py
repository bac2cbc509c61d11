"""The command `convertro drill`."""

import os
import random
import signal
from typing import Annotated
from uuid import uuid4

import typer
from redis.exceptions import RedisError

from config.logs import configure_logs
from config.settings import Settings
from worker.cli.terminal.exit_codes import ExitCode, complain, fail
from worker.cli.terminal.extras import require_extra
from worker.cli.terminal.interrupts import heeded
from worker.cli.terminal.open_journal import open_journal, read_settings
from worker.cli.terminal.output import JsonOption, say_json
from worker.lab.demo.stack import Stack
from worker.lab.drill.deployment import Deployment, DrillError
from worker.lab.drill.drill_run import Drill
from worker.lab.drill.drill_screen import View, document, say_verdict
from worker.lab.drill.environment import drill_environment
from worker.lab.drill.report import Options, Report
from worker.lab.drill.sweep import sweep
from worker.status.wording import counted

#: The largest random seed, short enough to be typed again.
_MAX_SEED = 999_999

#: The shortest drill in which there is time for the faults, in minutes.
_LEAST_MINUTES = 0.2


def drill(
    *,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Bring a Valkey along, and kill that too.")
    ] = False,
    minutes: Annotated[
        float,
        typer.Option(help="How long load is made; the faults repeat.", min=_LEAST_MINUTES),
    ] = 2.0,
    rate: Annotated[float, typer.Option(help="Events a second.", min=1, max=1000)] = 50.0,
    seed: Annotated[
        int | None,
        typer.Option(help="Decides events, faults and moments; printed if not given.", min=0),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """See for yourself that nothing is lost: load, faults, kills, and a count.

    It runs under your settings, but under keys of its own which it removes at the end, and it
    delivers to a sandbox that it starts, never to Convertro. Two workers run; one of them is
    killed, and with --embedded Redis too.

    Example: convertro drill --embedded

    Example: convertro drill --minutes 30 --rate 200 --json

    Exit codes: 0 nothing is lost or doubled under another key, 1 something is, 2 a wrong
    option or setting, or the extra is not installed, 3 Redis is unavailable, 130 interrupted.
    """
    require_extra("drill", "demo" if embedded else "sandbox")
    options = Options(
        name=f"convertro-drill-{uuid4().hex[:8]}",
        minutes=minutes,
        rate=rate,
        seed=random.randint(0, _MAX_SEED) if seed is None else seed,  # noqa: S311  not secret
        embedded=embedded,
    )
    settings = read_settings()
    if not embedded:
        open_journal().journal.snapshot()  # the operator's Redis must answer
    configure_logs(settings.model_copy(update={"log_level": "ERROR"}))
    view = View()
    try:
        report = _run(options, view)
    except DrillError as error:
        fail(ExitCode.NEGATIVE, str(error))
    if as_json:
        say_json(document(report))
    else:
        say_verdict(report)
    if report.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not report.is_good:
        raise typer.Exit(ExitCode.NEGATIVE)


def _run(options: Options, view: View) -> Report:
    came: list[int] = []  # the signals received; any of them ends the drill
    for number in heeded((signal.SIGINT, signal.SIGTERM)):
        signal.signal(number, lambda number, _frame: came.append(number))
    environment = drill_environment(
        os.environ,
        name=options.name,
        embedded=options.embedded,
        duration_seconds=options.duration_seconds,
    )
    with Stack(environment) as stack:
        deployment = Deployment(stack, options.name, options.seed, options.embedded)
        try:
            report = Drill(options, deployment, view, lambda: bool(came)).run()
            if not report.is_good and not report.interrupted:
                kept = deployment.keep_evidence()
                view.note(f"the record and the workers' log are kept in {kept}")
            return report
        finally:
            stack.stop_workers()
            if not options.embedded:
                _sweep(stack.settings, options.name, view)
            view.close()


def _sweep(settings: Settings, name: str, view: View) -> None:
    try:
        removed = sweep(settings, name)
    except RedisError as error:
        complain(
            f"the drill's keys could not be removed ({error}): when Redis is back, delete every "
            f"key that holds {name}"
        )
    else:
        view.note(f"{counted(removed, 'key')} of the drill removed from Redis")
