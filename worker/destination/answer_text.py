"""Finds the error message in an answer. Pure.

The message may quote the event, for example a person's address. So it is kept with the event,
removed with it, and never logged or counted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

#: Most characters of a message that are kept.
MAX_CHARACTERS = 300

#: The fields of a JSON answer that may have the message, the most informative first.
_FIELDS = ("message", "error", "detail", "error_description", "description", "reason", "errors")

#: What is never closed must not be looked for from each of many beginnings: a script or style goes
#: on to the end, a tag no further than the next.
_TAG = re.compile(
    r"<(?:script|style)\b.*?(?:</(?:script|style)>|\Z)|<[^<>]*>", re.DOTALL | re.IGNORECASE
)


def text_of(headers: Mapping[str, str], body: bytes) -> str:
    """Get the beginning of an answer's message, or else of its whole body, on one line.

    Args:
        headers: The answer's headers; looked up as `Content-Type`.
        body: The answer's body, as far as it was read.
    """
    text = body.decode("utf-8-sig", "replace")
    if headers.get("Content-Type", "").lower().startswith("text/html"):
        text = _TAG.sub(" ", text)
    else:
        text = _message_of(text) or text
    return _on_one_line(text)


def _message_of(text: str) -> str | None:
    """Find the message of a JSON answer; None if it has none, or is not JSON."""
    try:
        return _found(json.loads(text, parse_int=str))
    except (ValueError, RecursionError):
        return None


def _found(answer: Any) -> str | None:
    if isinstance(answer, str):
        return answer.strip() or None
    if isinstance(answer, list):
        return next(filter(None, map(_found, answer)), None)
    if isinstance(answer, dict):
        return next(filter(None, (_found(answer.get(name)) for name in _FIELDS)), None)
    return None


def _on_one_line(text: str) -> str:
    # Begins with more characters than are kept, because repeated blanks become one.
    shown = "".join(
        character if character.isprintable() else " " for character in text[: 10 * MAX_CHARACTERS]
    )
    return " ".join(shown.split())[:MAX_CHARACTERS]
