"""The command `convertro preflight`: can workers start, and would they run well?"""

from collections.abc import Sequence
from typing import Any

import typer

from config.logs import configure_logs
from worker.cli.terminal.exit_codes import ExitCode
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.cli.terminal.place import say_place
from worker.cli.terminal.tables import say_table, table, text
from worker.preflight import preflight as checking
from worker.preflight.checks import Check, Level
from worker.status.place import place_document
from worker.status.wording import counted

#: How a level is shown: problems in capitals, so that they stand out without colour.
_SHOWN = {
    Level.OK: "ok",
    Level.WARNING: "WARNING",
    Level.ERROR: "ERROR",
    Level.NOT_CHECKED: "not checked",
}
_STYLES = {Level.WARNING: "yellow", Level.ERROR: "red"}


def preflight(*, as_json: JsonOption = False) -> None:
    """Check whether workers can start and run well.

    Looks at the settings, at Redis, at Convertro's host and at the broker; sends no event and
    no request, and leaves nothing behind in Redis. A worker checks the same when it starts, and
    waits up to a minute for Redis: an error keeps it from starting, a warning is logged.

    Errors: a setting that is missing; no certificates to trust; a Redis that does not answer, is
    older than 7.0, a replica, or evicts at its maxmemory; an append-only file that could not be
    written; what CONVERTRO_DURABILITY=fsync needs; clocks over 60 s apart; a right that is missing;
    a dead letter that cannot be written; a broker URL that leads to no broker; another program's
    key in the queue's place.

    Warnings: variables without effect; a worker that stops before an attempt can end; a base URL
    that is the sandbox or plain HTTP; a limit of open files below what CONVERTRO_CONCURRENCY needs;
    eviction without maxmemory; nine tenths of maxmemory or of CONVERTRO_DEAD_MAX_COUNT used; fewer
    than 20 connections left; no append-only file, or appendfsync no; clocks over 2 s apart;
    Convertro or the broker out of reach.

    What Redis does not show, because the user may not use INFO or CONFIG GET, is not checked.

    Example: convertro preflight && celery -A worker.app worker

    Exit codes: 0 no error, warnings perhaps; 1 an error; 2 a wrong setting; 3 Redis is
    unavailable.
    """
    settings = read_settings()
    configure_logs(settings)
    checks = checking.preflight(settings)
    if as_json:
        say_json({**_document(checks), "journal": place_document(settings)})
    else:
        _say(checks)
        say_place(settings)
    if code := exit_code(checks):
        raise typer.Exit(code)


def exit_code(checks: Sequence[Check]) -> ExitCode:
    """The exit code; a wrong setting comes before Redis, which it may make unavailable."""
    errors = {check.name for check in checks if check.level is Level.ERROR}
    if "settings" in errors:
        return ExitCode.USAGE
    if "redis" in errors:
        return ExitCode.UNAVAILABLE
    return ExitCode.NEGATIVE if errors else ExitCode.DONE


def summary(checks: Sequence[Check]) -> str:
    """The result in one sentence."""
    levels = [check.level for check in checks]
    errors, warnings = levels.count(Level.ERROR), levels.count(Level.WARNING)
    told = counted(warnings, "warning") if warnings else "no warnings"
    if errors:
        return f"{counted(errors, 'error')}, {told}: workers will not start"
    return f"{told}, no errors: workers will start"


def _say(checks: Sequence[Check]) -> None:
    grid = table("check", "level", "finding", fixed=("check", "level"))
    for check in checks:
        grid.add_row(
            text(check.name.replace("_", " ")),
            text(_SHOWN[check.level], _STYLES.get(check.level, "")),
            text(check.sentence),
        )
    say_table(grid)
    say("")
    say(summary(checks))


def _document(checks: Sequence[Check]) -> dict[str, Any]:
    levels = [check.level for check in checks]
    return {
        "good": Level.ERROR not in levels,
        "sentence": summary(checks),
        "errors": levels.count(Level.ERROR),
        "warnings": levels.count(Level.WARNING),
        "checks": [
            {
                "name": check.name,
                "level": check.level.value,
                "finding": check.says,
                "remedy": check.remedy or None,
            }
            for check in checks
        ],
    }
