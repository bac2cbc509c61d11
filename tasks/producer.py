"""`enqueue` and `enqueue_many`: thin doors to the journal's intake."""

from collections.abc import Iterable, Mapping
from typing import Any

from convertro.errors import JournalUnavailable
from convertro.intake import InvalidEvents
from convertro.segment_event import InvalidEvent
from worker import bootstrap

__all__ = ["InvalidEvent", "InvalidEvents", "JournalUnavailable", "enqueue", "enqueue_many"]


def enqueue(event: Mapping[str, Any]) -> str:
    """Hand over one raw Segment event; when this returns, it is safe in the journal.

    The same `messageId` again within the dedupe window changes nothing, so a failed call
    may be repeated.

    Returns:
        The event's id: its `messageId`, or one made for it.

    Raises:
        InvalidEvent: It can never be accepted; the error names the field.
        JournalUnavailable: Redis is down, hung or full, or did not write to its disk although
            `CONVERTRO_DURABILITY` asks for it; raised within 2 s.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return bootstrap.producer().intake.enqueue(event)


def enqueue_many(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Hand over many raw Segment events, up to 100 in a round trip.

    Returns:
        Their ids, in order.

    Raises:
        InvalidEvents: Some can never be accepted, its `errors` say which by index; all
            others were accepted.
        JournalUnavailable: As for `enqueue`; `accepted` has the ids that are safe.
            Repeating the whole call is safe too.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return bootstrap.producer().intake.enqueue_many(events)
