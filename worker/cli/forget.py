"""The command `convertro forget`: a worker that is gone for good."""

from typing import Annotated

import typer

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import utf8
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.status.wording import counted


def forget(
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE",
            parser=utf8,
            help="Celery's name, as celery@host, or the whole name in the status.",
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Take a worker that went silent off the list, because it does not come back.

    Otherwise `convertro status` names it for a day, and `convertro health --live --all` and the
    exporter's /healthz are unhealthy for a lease. A worker that is alive is not forgotten. The
    events of the silent one become due when its lease ends, forgotten or not.

    Example: convertro forget celery@old-host

    Exit codes: 0 forgotten, 1 it is alive or unknown, 3 Redis is unavailable.
    """
    forgotten, alive = open_journal().journal.forget(node)
    if as_json:
        say_json({"node": node, "forgotten": forgotten, "alive": alive})
    elif forgotten:
        say(f"forgot {counted(forgotten, 'silent worker')} of {printable(node)}")
    if alive and not forgotten:
        fail(ExitCode.NEGATIVE, f"{printable(node)} is alive: stop it first")
    if not forgotten:
        fail(ExitCode.NEGATIVE, f"no worker of the name {printable(node)} is on the list")
