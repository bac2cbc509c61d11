"""The command `convertro status`: how things stand, first in one sentence."""

import shutil
import sys
import time
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Group

from config.settings import Settings
from worker.cli.status.view import Part, answers, headline, parts, place
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import OPERATOR_TIMEOUT_SECONDS, open_journal
from worker.cli.terminal.output import JsonOption, json_line, say, say_json
from worker.cli.terminal.tables import lines_of, write_lines
from worker.journal.producer import Producer
from worker.status.document import document
from worker.status.problems import problems
from worker.status.read import read_status
from worker.status.status import Status

#: Problems that may need no operator: events that are retried by themselves, or of which perhaps
#: none was meant to be sent.
_PASSING = frozenset({"attempts_fail", "all_skipped"})

_WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show it again and again, until q or Ctrl-C.")
]
_EveryOption = Annotated[
    float,
    typer.Option("--every", metavar="SECONDS", min=0.5, help="With --watch: how often."),
]
_CheckOption = Annotated[
    bool,
    typer.Option("--check", help="Show only state and problems; exit with 1 if there are any."),
]


def status(
    *,
    watching: _WatchOption = False,
    every: _EveryOption = 2.0,
    checking: _CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say how things stand.

    Whether events are delivered or held and why; what is wrong and what to do about it; what
    waits, how long that takes, and when retries end; what is dead; rates, durations, workers. On a
    terminal that is too short for it, the first line comes again as the last. docs/output.md says
    how to read it, docs/operations.md what to do.

    With --check, for timers: only the state and what is wrong, and exit code 1 if something is, or
    if deliveries are held, stuck or without a worker. Attempts that fail and are tried again by
    themselves are shown and do not count, nor does that every event is skipped. cron mails what its
    line prints, so the third example mails only if something is wrong.

    --watch leaves out what does not fit the terminal, and the last line names it. With --json it
    prints one document a line, and ends when Redis is unavailable.

    Example: convertro status

    Example: convertro status --watch

    Example: said=$(convertro status --check 2>&1) || echo "$said"

    Example: convertro status --json | jq -r .problems[].name

    Exit codes: 0 shown, whatever it says; 1 with --check: something is wrong; 2 options that do not
    go together; 3 Redis is unavailable, for which --watch waits.
    """
    if watching and checking:
        fail(ExitCode.USAGE, "give either --watch or --check")
    producer = open_journal()
    if watching:
        _watch(producer, every, as_json=as_json)
        return
    now = _look(producer)
    if as_json:
        say_json(document(now))
    elif checking:
        _say([*answers(now), place(now)])
    else:
        _say_whole(now)
    if checking and is_wrong(now):
        raise typer.Exit(ExitCode.NEGATIVE)


def is_wrong(status: Status) -> bool:
    """Whether an operator should look at it."""
    return not status.is_well or any(problem.name not in _PASSING for problem in problems(status))


def _say_whole(now: Status) -> None:
    """Print everything; repeat the first line at the end if the terminal is too short for all."""
    number = _say(parts(now))
    if sys.stdout.isatty() and number >= shutil.get_terminal_size().lines:
        say("")
        _say([Part("", headline(now))])


def _say(shown: Iterable[Part]) -> int:
    """Print parts with a blank line between them; return the number of lines."""
    lines: list[str] = []
    for part in shown:
        lines += ["", *lines_of(part.shown)] if lines else lines_of(part.shown)
    write_lines(lines)
    return len(lines)


def _watch(producer: Producer, every: float, *, as_json: bool) -> None:
    if not as_json:
        from worker.cli.status.watch import watch  # noqa: PLC0415  slow to load: it draws on terminals

        def show() -> list[Part]:
            # The last parts may not fit; the place always does, if it stands below the state.
            state, *others, where = parts(_look(producer))
            return [Part(state.name, Group(state.shown, where.shown)), *others]

        watch(show, every)
        return
    # If Redis is unavailable, the error ends the command, so that its supervisor notices.
    while True:
        say(json_line(document(_look(producer))))
        sys.stdout.flush()
        time.sleep(every)


def _look(producer: Producer) -> Status:
    """Gather what is known now."""
    settings = producer.settings
    return read_status(producer.journal, settings, lambda: _refusal(settings))


def _refusal(settings: Settings) -> str | None:
    from worker.status.refusal import refusal  # noqa: PLC0415  rarely needed

    return refusal(settings, OPERATOR_TIMEOUT_SECONDS)
