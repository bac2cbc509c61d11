"""The command `convertro dead list`."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from worker.cli.dead.groups import GroupBy, groups, parse_group_by
from worker.cli.dead.groups import document as group_document
from worker.cli.dead.selection import UNKNOWN_REASON, Filters, filtered, with_events
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import (
    DEFAULT_ROWS,
    ClassOption,
    LimitOption,
    NewestOption,
    ReasonOption,
    SinceOption,
    StatusOption,
    UntilOption,
    telling,
)
from worker.cli.terminal.output import JsonOption, say, say_json_array
from worker.cli.terminal.place import say_place
from worker.cli.terminal.progress import waiting
from worker.cli.terminal.record_view import event_name_of, last_outcome, short_name
from worker.cli.terminal.tables import keep_whole, say_table, table, text
from worker.journal.journal import Journal
from worker.journal.reading import DeadLetter
from worker.journal.snapshot import Snapshot
from worker.status.wording import age, counted, iso_time

_ByOption = Annotated[
    GroupBy | None,
    typer.Option(
        "--by",
        metavar="WORDS",
        parser=telling(parse_group_by),
        help="Count them by reason, event, status, class or answer; several with commas.",
    ),
]


def list_dead(  # noqa: PLR0913  one argument for each option
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    by: _ByOption = None,
    newest: NewestOption = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, oldest first; with --newest, the newest first.

    All given filters must apply. Shows no content but the event's name. The number of further dead
    letters is shown without filters or with --reason and --status alone; with other filters, only
    that there are more. --by counts dead letters instead, the most frequent kind first, with the id
    of the newest of each; answer is the last status with the form of Convertro's text, in which
    numbers and the event's values are left out.

    Example: convertro dead list --since 2h --class rejected

    Example: convertro dead list --by reason,event

    Example: convertro dead list --json | jq -r '.[].id'

    Exit codes: 0 listed, 2 a wrong option, 3 Redis is unavailable.
    """
    if by is not None and newest:
        fail(ExitCode.USAGE, "--newest means nothing with --by, which counts")
    producer = open_journal()
    journal = producer.journal
    filters = Filters(
        reason=reason, outcome_class=outcome_class, status=status, since=since, until=until
    )
    letters = filtered(journal, filters, newest=newest)
    if as_json:
        _say_json(journal, letters, by, limit)
        return
    snapshot = journal.snapshot()
    if by is not None:
        _say_groups(journal, letters, by, limit or DEFAULT_ROWS, snapshot.now_ms)
    else:
        _say(journal, letters, filters, limit or DEFAULT_ROWS, snapshot)
    say_place(producer.settings, snapshot)


def _say_json(
    journal: Journal, letters: Iterator[DeadLetter], by: GroupBy | None, limit: int | None
) -> None:
    if by is None:
        chosen = with_events(journal, islice(letters, limit))
        say_json_array(_document(letter, raw) for letter, raw in chosen)
        return
    with waiting("Looking through the dead letters"):
        found = groups(journal, letters, by)
    say_json_array(group_document(group, by) for group in found[:limit])


def _say_groups(
    journal: Journal, letters: Iterator[DeadLetter], by: GroupBy, limit: int, now_ms: int
) -> None:
    with waiting("Looking through the dead letters"):
        found = groups(journal, letters, by)
    shown = found[:limit]
    titles = ("number", *by.words, "newest", "its id")
    grid = table(*titles, numbers=("number", "newest"), fixed=("number", "newest"))
    for group in shown:
        grid.add_row(
            text(f"{group.number:,}"),
            *map(text, group.kind),
            text(age(max(0, now_ms - group.newest_ms) / 1000)),
            text(group.newest_id),
        )
    if shown:
        keep_whole(grid, (group.newest_id for group in shown))
        say_table(grid)
        say("")
    number = sum(group.number for group in found)
    left = len(found) - len(shown)
    more = f", {left:,} more with a larger --limit" if left else ""
    say(f"{counted(number, 'dead letter')} of {counted(len(found), 'kind')}{more}")


def _number(filters: Filters, snapshot: Snapshot) -> int | None:
    """How many dead letters the filters leave, if the journal counts these; None if it does not."""
    if filters.outcome_class is not None or filters.since or filters.until:
        return None
    return sum(
        number
        for (reason, status), number in snapshot.deaths.items()
        if filters.reason in {None, reason} and filters.status in {None, status}
    )


def _say(
    journal: Journal,
    letters: Iterator[DeadLetter],
    filters: Filters,
    limit: int,
    snapshot: Snapshot,
) -> None:
    titles = ("age", "reason", "outcome", "event", "id")
    grid = table(*titles, numbers=("age",), fixed=("age",))
    with waiting("Looking through the dead letters"):
        number = _number(filters, snapshot)
        # Only what is shown is read, and one more if the journal does not count these.
        rows = list(islice(letters, limit if number is None else min(limit, number)))
        is_more = len(rows) == limit and number is None and next(letters, None) is not None
        events = list(with_events(journal, rows))
    for letter, raw in events:
        grid.add_row(
            text(age(max(0, snapshot.now_ms - letter.died_at_ms) / 1000)),
            text(letter.record.reason or UNKNOWN_REASON),
            text(last_outcome(letter.record)),
            text(short_name(event_name_of(raw))),
            text(letter.event_id),
        )
    if events:
        keep_whole(grid, (letter.event_id for letter, _ in events))
        say_table(grid)
        say("")
    left = (number or 0) - len(rows)
    more = f"{left:,} more" if left > 0 else "more" if is_more else ""
    say(f"{counted(len(rows), 'dead letter')}{more and f', {more} with a larger --limit'}")


def _document(letter: DeadLetter, raw: bytes | None) -> dict[str, Any]:
    record = letter.record
    return {
        "id": letter.event_id,
        "event": event_name_of(raw),
        "reason": record.reason,
        "class": record.outcome_class,
        "status": record.status,
        "outcome": last_outcome(record),
        "attempts": record.attempts,
        "redriven": record.redriven,
        "may_have_been_delivered": bool(record.in_doubt),
        "accepted_at": iso_time(record.accepted_at_ms),
        "died_at": iso_time(letter.died_at_ms),
    }
