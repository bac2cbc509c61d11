"""The command `convertro dead list`."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from worker.cli.dead.selection import UNKNOWN_REASON, Filters, filtered
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import (
    ClassOption,
    ReasonOption,
    SinceOption,
    StatusOption,
    UntilOption,
)
from worker.cli.terminal.output import JsonOption, say, say_json_array
from worker.cli.terminal.place import say_place
from worker.cli.terminal.progress import waiting
from worker.cli.terminal.tables import say_table, table, text
from worker.journal.reading import DeadLetter
from worker.journal.snapshot import Snapshot
from worker.status.wording import age, counted, iso_time

#: Rows of a table unless the user says otherwise; JSON has no such bound.
_DEFAULT_ROWS = 100

_LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, help=f"At most so many; without it {_DEFAULT_ROWS}, or all with --json."
    ),
]


def list_dead(  # noqa: PLR0913  one argument for each option
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: _LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, oldest first.

    Filters that are given must all apply. Never shows content. How many more there are is said if
    only --reason and --status are given, or nothing is; with other filters, only that there are.

    Example: convertro dead list --since 2h --class rejected

    Example: convertro dead list --json | jq -r '.[].id'
    """
    producer = open_journal()
    journal = producer.journal
    filters = Filters(
        reason=reason, outcome_class=outcome_class, status=status, since=since, until=until
    )
    letters = filtered(journal, filters)
    if as_json:
        say_json_array(_document(letter) for letter in islice(letters, limit))
    else:
        snapshot = journal.snapshot()
        _say(letters, filters, limit or _DEFAULT_ROWS, snapshot)
        say_place(producer.settings, snapshot)


def _number(filters: Filters, snapshot: Snapshot) -> int | None:
    """How many letters the filters leave, if the journal counts them; None if it does not."""
    if filters.outcome_class is not None or filters.since or filters.until:
        return None
    return sum(
        number
        for (reason, status), number in snapshot.deaths.items()
        if filters.reason in {None, reason} and filters.status in {None, status}
    )


def _say(letters: Iterator[DeadLetter], filters: Filters, limit: int, snapshot: Snapshot) -> None:
    grid = table(
        "age",
        "reason",
        "class",
        "status",
        "tries",
        "id",
        numbers=("age", "status", "tries"),
        fixed=("age", "reason", "class", "status", "tries"),
    )
    with waiting("Looking through the dead letters"):
        number = _number(filters, snapshot)
        # What is not shown is not read, but for one letter if the journal does not count them.
        rows = list(islice(letters, limit if number is None else min(limit, number)))
        is_more = len(rows) == limit and number is None and next(letters, None) is not None
    for letter in rows:
        record = letter.record
        grid.add_row(
            text(age(max(0, snapshot.now_ms - letter.died_at_ms) / 1000)),
            text(record.reason or UNKNOWN_REASON),
            text(record.outcome_class),
            text(record.status),
            text(record.attempts),
            text(letter.event_id),
        )
    if rows:
        say_table(grid)
        say("")
    left = (number or 0) - len(rows)
    more = f"{left:,} more" if left > 0 else "more" if is_more else ""
    say(f"{counted(len(rows), 'dead letter')}{more and f', {more} with a larger --limit'}")


def _document(letter: DeadLetter) -> dict[str, Any]:
    record = letter.record
    return {
        "id": letter.event_id,
        "reason": record.reason,
        "class": record.outcome_class,
        "status": record.status,
        "attempts": record.attempts,
        "redriven": record.redriven,
        "may_have_been_delivered": bool(record.in_doubt),
        "accepted_at": iso_time(record.accepted_at_ms),
        "died_at": iso_time(letter.died_at_ms),
    }
