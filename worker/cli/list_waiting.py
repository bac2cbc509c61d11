"""The command `convertro list waiting`: which events are not finished, and why."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import DEFAULT_ROWS, LimitOption, NewestOption
from worker.cli.terminal.output import JsonOption, say, say_json_array
from worker.cli.terminal.place import say_place
from worker.cli.terminal.record_view import event_name_of, last_outcome, short_name
from worker.cli.terminal.tables import keep_whole, say_table, table, text
from worker.journal.reading import Unfinished
from worker.journal.snapshot import Snapshot
from worker.status.wording import age, counted, iso_time, iso_time_or_none


def list_waiting(
    *, limit: LimitOption = None, newest: NewestOption = False, as_json: JsonOption = False
) -> None:
    """List the events that are due, claimed by a worker, or waiting for a later try.

    Shows when each is tried next, how long ago it was accepted, and the last attempt's outcome. The
    event that is tried next comes first; with --newest, the one that is tried last. Shows no
    content but the event's name. `convertro status` says why deliveries are held.

    Example: convertro list waiting --limit 20

    Example: convertro list waiting --json | jq '.[] | select(.attempts > 3)'

    Exit codes: 0 listed, 3 Redis is unavailable.
    """
    producer = open_journal()
    journal = producer.journal
    snapshot = journal.snapshot()
    events = journal.unfinished(newest=newest)
    if as_json:
        say_json_array(_document(event, snapshot.now_ms) for event in islice(events, limit))
        return
    shown = _say_rows(islice(events, limit or DEFAULT_ROWS), snapshot.now_ms)
    say_table(text(_summary(snapshot)))
    if (left := snapshot.in_flight - shown) > 0:
        say(f"{left:,} more with a larger --limit")
    say_place(producer.settings, snapshot)


def _say_rows(events: Iterator[Unfinished], now_ms: int) -> int:
    """Print the table; return the number of its rows."""
    titles = ("next try", "age", "outcome", "event", "id")
    grid = table(*titles, numbers=("age",), fixed=("next try", "age"))
    rows = list(events)
    for event in rows:
        grid.add_row(
            text(_next_try(event, now_ms)),
            text(age(max(0, now_ms - event.record.accepted_at_ms) / 1000)),
            text(last_outcome(event.record)),
            text(short_name(event_name_of(event.raw))),
            text(event.event_id),
        )
    if rows:
        keep_whole(grid, (event.event_id for event in rows))
        say_table(grid)
        say("")
    return len(rows)


def _place(event: Unfinished, now_ms: int) -> str:
    if event.due_at_ms <= now_ms:
        return "due"
    return "claimed" if event.is_claimed else "waiting"


def _next_try(event: Unfinished, now_ms: int) -> str:
    words = {"due": "now", "claimed": "claimed"}
    return words.get(_place(event, now_ms), f"in {age((event.due_at_ms - now_ms) / 1000)}")


def _summary(snapshot: Snapshot) -> str:
    parts = [
        f"{snapshot.due_now:,} due now",
        f"{snapshot.claimed:,} claimed by a worker",
        f"{snapshot.waiting:,} waiting for a later try",
    ]
    return f"{counted(snapshot.in_flight, 'event')}: {', '.join(parts)}"


def _document(event: Unfinished, now_ms: int) -> dict[str, Any]:
    record = event.record
    place = _place(event, now_ms)
    return {
        "id": event.event_id,
        "event": event_name_of(event.raw),
        "place": place,
        "next_try_at": None if place == "claimed" else iso_time(event.due_at_ms),
        "accepted_at": iso_time(record.accepted_at_ms),
        "first_attempt_at": iso_time_or_none(record.tried_at_ms),
        "attempts": record.attempts,
        "postponed": record.postponed,
        "outcome": last_outcome(record),
        "may_have_been_delivered": bool(record.in_doubt),
    }
