"""The command `convertro health`: is a worker alive, could one deliver?"""

from typing import Annotated

import typer

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import OPERATOR_TIMEOUT_SECONDS, look_quickly, read_settings
from worker.cli.terminal.options import utf8
from worker.cli.terminal.output import JsonOption, json_line, say
from worker.status.health import (
    Health,
    Verdict,
    every_worker,
    liveness,
    of_this_host,
    one_worker,
)

_CODES = {
    Health.BAD: ExitCode.NEGATIVE,
    Health.WRONG_SETTING: ExitCode.USAGE,
    Health.UNKNOWN: ExitCode.UNAVAILABLE,
}

_LiveOption = Annotated[
    bool, typer.Option("--live", help="Whether this host's workers run and ask for work.")
]
_ReadyOption = Annotated[
    bool, typer.Option("--ready", help="Whether settings and Redis let a worker deliver.")
]
_WorkerOption = Annotated[
    str | None,
    typer.Option(
        "--worker",
        metavar="NODE",
        parser=utf8,
        help="With --live: just this one, as celery@host.",
    ),
]
_AllWorkersOption = Annotated[
    bool, typer.Option("--all", help="With --live: the workers of every host.")
]


def health(
    *,
    is_live: _LiveOption = False,
    is_ready: _ReadyOption = False,
    worker: _WorkerOption = None,
    all_workers: _AllWorkersOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say in one line whether workers are healthy, for probes.

    With --live, by the journal: each worker of this host gave a sign of life in the last 5 s, none
    went silent within the last lease without stopping, and each asks for work if some has waited
    for 30 s. This host's workers are those whose node name ends with @ and the host's name; they
    are judged together, and --worker names one. Only the settings that lead to the journal are
    read. It takes up to 15 s if Redis hangs.

    Code 3 means that health is unknown, because Redis is unavailable or refuses writes. Do not
    restart workers then: it does not help. In the second example the probe takes them for alive.

    With --ready: the preflight finds no error, the journal can be written to, and less than nine
    tenths of maxmemory are used. Neither Convertro nor a separate broker is tried.

    Example: convertro health --live

    Example: sh -c 'convertro health --live; test $? -ne 1'

    Exit codes: 0 healthy, 1 not healthy, 2 a wrong option or setting, 3 Redis is unavailable
    or refuses writes.
    """
    if is_live == is_ready:
        fail(ExitCode.USAGE, "say either --live or --ready")
    if (worker is not None) + all_workers > is_live:
        fail(ExitCode.USAGE, "give --live with either --worker NODE or --all")
    verdict = _ready() if is_ready else _live(worker, all_workers=all_workers)
    said = {"good": verdict.good, "problem": verdict.problem, "sentence": verdict.sentence}
    say(json_line(said) if as_json else printable(verdict.sentence))
    if not verdict.good:
        raise typer.Exit(_CODES[verdict.health])


def _live(worker: str | None, *, all_workers: bool) -> Verdict:
    chosen = every_worker() if all_workers else of_this_host()
    if worker is not None:
        chosen = one_worker(worker)
    return liveness(look_quickly(), chosen, _refusal)


def _refusal() -> str | None:
    from worker.status.refusal import refusal  # noqa: PLC0415  needed only if a worker seems not to be alive

    return refusal(read_settings(), OPERATOR_TIMEOUT_SECONDS)


def _ready() -> Verdict:
    from worker.status.readiness import ready  # noqa: PLC0415  slow to load, and --live runs often

    return ready(read_settings(), OPERATOR_TIMEOUT_SECONDS)
