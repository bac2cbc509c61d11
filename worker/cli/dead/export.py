"""The command `convertro dead export`."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from config.printable import printable
from worker.cli.dead.selection import Filters, Selection, complain_about, select, with_events
from worker.cli.terminal.exit_codes import ExitCode
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import (
    AllOption,
    ClassOption,
    EventIdsArgument,
    ReasonOption,
    SinceOption,
    StatusOption,
    UntilOption,
)
from worker.cli.terminal.output import json_line
from worker.cli.terminal.progress import waiting
from worker.cli.terminal.record_view import content_of
from worker.journal.reading import DeadLetter
from worker.status.wording import counted, iso_time

_OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write there, readable by you only."),
]


def export(  # noqa: PLR0913  one argument for each option
    ids: EventIdsArgument = None,
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    output: _OutputOption = None,
) -> None:
    """Write dead letters with their events, as JSONL.

    Each line has id, reason, class, status, attempts, died_at and event (as text if it is no JSON),
    and so may hold personal data. Give ids, or filters, which must all apply; without either it is
    all of them. Nothing changes in the journal.

    Example: convertro dead export --since 1d --output dead.jsonl

    Example: convertro dead export evt-42 | jq -c .event | convertro translate -

    Exit codes: 0 done, 1 some ids were not dead, 2 wrong option or file, 3 Redis is unavailable.
    """
    filters = Filters(
        reason=reason, outcome_class=outcome_class, status=status, since=since, until=until
    )
    selection = Selection(ids or (), filters, everything or not (ids or filters.are_given))
    selection.check()
    journal = open_journal().journal
    not_dead: dict[str, str] = {}
    letters = select(journal, selection, not_dead)
    number = 0
    with _opened(output) as file:
        for letter, raw in with_events(journal, letters):
            if raw is not None:  # None: redriven or removed meanwhile
                file.write(f"{json_line(_document(letter, raw))}\n")
                number += 1
    if output is not None:
        typer.echo(
            f"{counted(number, 'dead letter')} written to {printable(str(output))}", err=True
        )
    complain_about(not_dead)
    if not_dead:
        raise typer.Exit(ExitCode.NEGATIVE)


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    """Open standard output, or a file that only its owner may read; then progress is shown."""
    if path is None:
        yield sys.stdout
        return
    with (
        open(path, "w", encoding="utf-8", opener=_open_privately) as file,
        waiting("Writing dead letters"),
    ):
        yield file


def _open_privately(path: str, flags: int) -> int:
    """Open a file that only its owner may read, even if others might before."""
    descriptor = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # no terminal, pipe or device
        os.fchmod(descriptor, 0o600)
    return descriptor


def _document(letter: DeadLetter, raw: bytes) -> dict[str, Any]:
    record = letter.record
    return {
        "id": letter.event_id,
        "reason": record.reason,
        "class": record.outcome_class,
        "status": record.status,
        "attempts": record.attempts,
        "died_at": iso_time(letter.died_at_ms),
        "event": content_of(raw),
    }
