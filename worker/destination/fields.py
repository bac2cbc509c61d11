"""Reads an event's fields about persons, devices and times. Pure.

Segment's fields may have any JSON type, so a value of a wrong type counts as absent; no function
raises.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeGuard

from convertro.segment_event import ID_PLACEHOLDERS, id_of, is_object

#: The fields with an event's time; the first usable one counts.
TIMESTAMP_FIELDS = ("timestamp", "originalTimestamp", "receivedAt")

#: Ids that many devices share, in lower case; zeros and hyphens alone are no id either.
_SHARED_DEVICE_IDS = frozenset(
    {
        *(placeholder.lower() for placeholder in ID_PLACEHOLDERS),
        *("unknown", "nil", "n/a"),
        "9774d56d682e549c",  # of many devices with Android 2.2
    }
)

#: A whole date, alone or before `T` and a time. Python's own reader accepts more: any character in
#: place of `T`, and so some numbers as times, and unusual separators.
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
    """Return the value if it is a JSON object, else an empty one."""
    # None is checked first: for absent values `is_object` takes ten times as long.
    return value if value is not None and is_object(value) else _NOTHING


def text_of(value: Any) -> str | None:
    """Return the value if it is a string that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number in the range of a double; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def user_id(event: Mapping[str, Any]) -> str | None:
    """Get the `userId` as text; None if it is unusable."""
    return id_of(event.get("userId"))


def visitor_id(event: Mapping[str, Any]) -> str | None:
    """Get the `anonymousId` as text; None if it is unusable."""
    return id_of(event.get("anonymousId"))


def device_id(event: Mapping[str, Any]) -> str | None:
    """Get the device's id; None if it is unusable."""
    return device_id_of(device(event).get("id"))


def device_id_of(value: Any) -> str | None:
    """Return the value if it is text that identifies one device, else None."""
    text = text_of(value)
    if text is None:
        return None
    known = text.strip().lower()
    return text if known.strip("0-") and known not in _SHARED_DEVICE_IDS else None


def context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Get the event's `context`; empty without one."""
    return object_of(event.get("context"))


def device(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Get the event's `context.device`; empty without one."""
    return object_of(context(event).get("device"))


def has_identity(event: Mapping[str, Any]) -> bool:
    """Whether the event has a usable user, visitor or device id."""
    return bool(user_id(event) or visitor_id(event) or device_id(event))


def timestamp_of(event: Mapping[str, Any], accepted_at: str | None) -> str | None:
    """Get the event's time as the event has it, else the time of its acceptance.

    Args:
        event: Any event.
        accepted_at: ISO 8601; returned if the event has no usable time.
    """
    said = (event.get(name) for name in TIMESTAMP_FIELDS)
    return next((value for value in said if is_iso_8601(value)), accepted_at)


def is_iso_8601(value: Any) -> TypeGuard[str]:
    """Whether a value is text of a date, or of a date and a time, in ISO 8601."""
    if not isinstance(value, str) or not _ISO_8601_SHAPE.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
