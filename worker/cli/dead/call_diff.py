"""Two calls side by side, as a unified diff in which values are hidden. Pure."""

import json
from difflib import unified_diff
from typing import Any

from config.printable import printable
from worker.destination.plan import PlannedCall
from worker.journal.records import SentCall

#: Stands for a hidden value.
_HIDDEN = "…"

#: A call, if there is one.
_Call = SentCall | PlannedCall | None

#: Stands for a missing value.
ABSENT: Any = object()

#: Lines shown around a change: all of them, because the bodies are short.
_ALL_LINES = 1_000_000


def call_diff(was: _Call, now: _Call, *, reveal: bool) -> list[str]:
    """Compare a call that was sent with the one that would be sent.

    Args:
        was: The call that was sent; None if there was none.
        now: The call that would be sent; None if there is none.
        reveal: Show the values, which may be personal data. Otherwise they are hidden, and
            changed ones are marked.

    Returns:
        The lines of the diff; none if the two are equal.
    """
    before, after = _body(was), _body(now)
    same = was is not None and now is not None and was.path == now.path and _equal(before, after)
    if same:
        return []
    if not reveal:
        before, after = _hide(before, after, "was"), _hide(after, before, "now")
    lines = unified_diff(
        _lines(was, before), _lines(now, after), "sent", "now", n=_ALL_LINES, lineterm=""
    )
    # Without the line that holds line numbers.
    return [printable(line) for line in lines if not line.startswith("@@")]


def _body(call: _Call) -> Any:
    if call is None:
        return ABSENT
    try:
        return json.loads(call.body)
    except ValueError:
        return str(call.body)


def _lines(call: _Call, body: Any) -> list[str]:
    if call is None:
        return []
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return [f"POST {call.path}", *text.split("\n")]


def _hide(value: Any, other: Any, when: str) -> Any:
    """Keep the structure of a value and hide what it holds.

    Args:
        value: The value to show.
        other: The value at the same place on the other side, or `ABSENT`.
        when: The mark for values that differ from the other side's.
    """
    if value is ABSENT:
        return value
    if isinstance(value, dict):
        others = other if isinstance(other, dict) else {}
        return {name: _hide(inner, others.get(name, ABSENT), when) for name, inner in value.items()}
    if isinstance(value, list):
        beside = other if isinstance(other, list) else []
        padded = [*beside, *[ABSENT] * (len(value) - len(beside))]
        return [_hide(inner, padded[index], when) for index, inner in enumerate(value)]
    return _HIDDEN if _equal(value, other) else f"{_HIDDEN} ({when})"


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same as JSON: true is not 1, though Python says so."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
