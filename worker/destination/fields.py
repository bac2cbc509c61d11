"""What an event says about who, where and when, whatever JSON types it is made of. Pure.

Segment's fields may hold anything, so a value of the wrong kind counts as absent here and
nothing raises.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeGuard

from convertro.segment_event import ID_PLACEHOLDERS, id_of, is_object

#: Where an event says when it happened, the best first.
TIMESTAMP_FIELDS = ("timestamp", "originalTimestamp", "receivedAt")

#: What many devices have for an id, in lower case; zeros and hyphens alone are none either.
_SHARED_DEVICE_IDS = frozenset(
    {
        *(placeholder.lower() for placeholder in ID_PLACEHOLDERS),
        *("unknown", "nil", "n/a"),
        "9774d56d682e549c",  # of many devices with Android 2.2
    }
)

#: A whole date, alone or before `T` and a time. Python's own reader takes more: any character for
#: the `T`, and so some numbers for times, and odd separators.
_ISO_8601_SHAPE = re.compile(
    r"""
    [0-9]{4} (?: -[0-9]{2}-[0-9]{2} | [0-9]{4} | -W[0-9]{2}(?:-[0-9])? | W[0-9]{2}[0-9]? )
    (?: T (?: [0-9]{2} (?: :[0-9]{2} ){0,2} | [0-9]{4} | [0-9]{6} ) (?: [.,][0-9]+ )?
        (?: Z | [+-][0-9]{2} (?: :?[0-9]{2} )? )?
    )?
    """,
    re.VERBOSE,
)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def object_of(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    # What is not there is told first: to ask what else it may be takes ten times as long.
    return value if value is not None and is_object(value) else _NOTHING


def text_of(value: Any) -> str | None:
    """The value if it is a string that is not empty."""
    return value if isinstance(value, str) and value else None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a number within the range of a double; true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def user_id(event: Mapping[str, Any]) -> str | None:
    """Segment's userId, as text."""
    return id_of(event.get("userId"))


def visitor_id(event: Mapping[str, Any]) -> str | None:
    """Segment's anonymousId, as text."""
    return id_of(event.get("anonymousId"))


def device_id(event: Mapping[str, Any]) -> str | None:
    """The device's id."""
    return device_id_of(device(event).get("id"))


def device_id_of(value: Any) -> str | None:
    """The value if it is text that tells one device from others."""
    text = text_of(value)
    if text is None:
        return None
    known = text.strip().lower()
    return text if known.strip("0-") and known not in _SHARED_DEVICE_IDS else None


def context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the library knew about the surroundings."""
    return object_of(event.get("context"))


def device(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the library knew about the device."""
    return object_of(context(event).get("device"))


def has_identity(event: Mapping[str, Any]) -> bool:
    """Whether there is anybody to whom the event belongs."""
    return bool(user_id(event) or visitor_id(event) or device_id(event))


def timestamp_of(event: Mapping[str, Any], accepted_at: str | None) -> str | None:
    """When the event happened, as it came; else when it was accepted.

    Args:
        event: Any event.
        accepted_at: ISO 8601; what to answer if the event says nothing usable.
    """
    said = (event.get(name) for name in TIMESTAMP_FIELDS)
    return next((value for value in said if is_iso_8601(value)), accepted_at)


def is_iso_8601(value: Any) -> TypeGuard[str]:
    """Whether it is text that is a date, or a date and a time, in the words of ISO 8601."""
    if not isinstance(value, str) or not _ISO_8601_SHAPE.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
