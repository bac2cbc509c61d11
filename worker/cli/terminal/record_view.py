"""Shows what the journal knows about one event, in words or as JSON; content only on demand."""

import json
from math import isfinite
from typing import Any, get_args

import msgspec
from rich.table import Table

from config.printable import printable
from convertro.types import EventType
from worker.cli.terminal.output import say
from worker.cli.terminal.tables import block, say_table, table, text
from worker.journal.records import UNKNOWN_CALL, Record
from worker.status.answer_form import GAP, form_of
from worker.status.wording import clock_time, counted, iso_time, iso_time_or_none, milliseconds

_Pairs = list[tuple[str, str]]

#: The width of an event's name in a table, in columns.
_NAME_WIDTH = 16

#: Segment's own types; any other text there counts as content.
_TYPES = frozenset(get_args(EventType))


def record_document(record: Record, raw: bytes | None, *, reveal: bool) -> dict[str, Any]:
    """A record as JSON.

    Args:
        record: What is known about the event.
        raw: The event, whose values are left out of the answers' forms.
        reveal: Include the answers as they are.
    """
    return {
        "accepted_at": iso_time(record.accepted_at_ms),
        "attempts": record.attempts,
        "postponed": record.postponed,
        "leases_lost": record.leases_lost,
        "redriven": record.redriven,
        "may_have_been_delivered": bool(record.in_doubt),
        "calls_in_doubt": [
            {"call": name, "times": times} for name, times in sorted(record.in_doubt.items())
        ],
        "key_numbers": record.key_numbers,
        "reason": record.reason,
        "class": record.outcome_class,
        "status": record.status,
        "first_attempt_at": iso_time_or_none(record.tried_at_ms),
        "accepted_calls": record.accepted,
        "outcomes": [
            {
                "at": iso_time(attempt.at_ms),
                "call": attempt.call,
                "class": attempt.outcome_class,
                "status": attempt.status,
                "detail": attempt.detail,
                "took_ms": attempt.took_ms,
                "answer_form": form_of(attempt.said, raw) if attempt.said else None,
                **({"answer": attempt.said or None} if reveal else {}),
            }
            for attempt in record.outcomes
        ],
    }


def record_facts(record: Record) -> _Pairs:
    """A record as pairs of names and values."""
    keys = [f"{name}~{number}" for name, number in sorted(record.key_numbers.items())]
    return [
        ("accepted", clock_time(record.accepted_at_ms)),
        ("attempts", f"{record.attempts:,}"),
        ("postponed", counted(record.postponed, "time")),
        ("accepted calls", ", ".join(record.accepted) or "none"),
        ("leases lost", f"{record.leases_lost:,}"),
        ("redriven", counted(record.redriven, "time")),
        *([("key since redrive", ", ".join(keys))] if keys else []),
        ("delivered anyway?", _doubt_words(record)),
    ]


def _doubt_words(record: Record) -> str:
    """Whether Convertro may have calls that it is not known to have accepted."""
    if not record.in_doubt:
        return "surely not, but for the accepted calls" if record.accepted else "surely not"
    parts = [
        f"{'any call' if name == UNKNOWN_CALL else name}, {counted(times, 'time')}"
        for name, times in sorted(record.in_doubt.items())
    ]
    return f"maybe: {'; '.join(parts)}"


def death_facts(record: Record) -> _Pairs:
    """Why an event is dead."""
    return [
        ("reason", record.reason or "unknown"),
        ("class", record.outcome_class or "-"),
        ("status", "-" if record.status is None else str(record.status)),
    ]


def say_facts(facts: _Pairs) -> None:
    """Print pairs of names and values."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(text(name), text(value))
    say_table(grid)


def say_attempts(record: Record, raw: bytes | None, *, reveal: bool) -> None:
    """Print the latest attempts, oldest first, and the answers to them.

    Args:
        record: What is known about the event.
        raw: The event, whose values are left out of the answers' forms.
        reveal: Print the answers as they are.
    """
    if not record.outcomes:
        return
    say("")
    if record.attempts > len(record.outcomes):
        say(f"the last {len(record.outcomes)} of {record.attempts:,} attempts")
    grid = table("attempted at", "call", "class", "status", "detail", "took", numbers=("took",))
    for attempt in record.outcomes:
        took_ms = attempt.took_ms
        grid.add_row(
            text(clock_time(attempt.at_ms)),
            text(attempt.call),
            text(attempt.outcome_class),
            text(attempt.status),
            text(attempt.detail),
            text(None if took_ms is None else milliseconds(took_ms)),
        )
    say_table(grid)
    _say_answers(record, raw, reveal=reveal)


def _say_answers(record: Record, raw: bytes | None, *, reveal: bool) -> None:
    """Print Convertro's answers, as they are or reduced to their forms."""
    answers = [attempt for attempt in record.outcomes if attempt.said]
    if not answers:
        return
    say("")
    hidden = "" if reveal else f" ({GAP} stands for what may be content; --reveal shows it)"
    say_table(text(f"Convertro's answers{hidden}"))
    for attempt in answers:
        said = attempt.said if reveal else form_of(attempt.said, raw)
        say_table(block(f"{attempt.detail}: {printable(said)}", first="  "))


def content_of(raw: bytes) -> Any:
    """A raw event as JSON that can be written again; as text if it is not JSON."""
    try:
        return json.loads(raw.decode(), parse_constant=str, parse_float=_number)
    except (ValueError, RecursionError):
        return raw.decode(errors="backslashreplace")


def type_of(raw: bytes) -> str | None:
    """The event's type if it is one of Segment's."""
    event = content_of(raw)
    kind = event.get("type") if isinstance(event, dict) else None
    return kind if isinstance(kind, str) and kind in _TYPES else None


class _Named(msgspec.Struct):
    """The fields of an event from which its name is taken."""

    type: str = ""
    event: str | None = None


def event_name_of(raw: bytes | None) -> str | None:
    """A track's event name, or the type of any other event; None if neither can be read."""
    try:
        named = msgspec.json.decode(raw or b"", type=_Named)
    except msgspec.DecodeError:
        return None
    if named.type == "track":
        return named.event
    return named.type if named.type in _TYPES else None


def short_name(name: str | None) -> str:
    """An event's name for a narrow column."""
    if name is None:
        return "-"
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"


def last_outcome(record: Record) -> str | None:
    """The detail of the last outcome, such as `http_503`; None without an attempt."""
    return record.outcomes[-1].detail if record.outcomes else None


def _number(text: str) -> float | str:
    """A number, or its text if it overflows to infinity, which JSON cannot hold."""
    number = float(text)
    return number if isfinite(number) else text
