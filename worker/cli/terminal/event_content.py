"""Reading a raw event in order to show it: only on demand, and whatever its bytes are."""

import json
from math import isfinite
from typing import Any

#: Segment's own types; another one might say anything, so it counts as content.
_TYPES = frozenset({"alias", "group", "identify", "page", "screen", "track"})


def content_of(raw: bytes) -> Any:
    """A raw event as JSON that can be written again; as text if it is none."""
    try:
        return json.loads(raw.decode(), parse_constant=str, parse_float=_number)
    except (ValueError, RecursionError):
        return raw.decode(errors="backslashreplace")


def type_of(raw: bytes) -> str | None:
    """The event's type if it is one of Segment's."""
    event = content_of(raw)
    kind = event.get("type") if isinstance(event, dict) else None
    return kind if isinstance(kind, str) and kind in _TYPES else None


def _number(text: str) -> float | str:
    """A number, or its text if it is beyond what JSON writers agree upon."""
    number = float(text)
    return number if isfinite(number) else text
