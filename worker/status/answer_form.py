"""The form of an answer: what it says without what may be the event's. Pure.

An answer may quote the event: the amount that is wrong, the person who is unknown. Its form leaves
out numbers, what is in quotes, addresses, and every value of the event itself, so that it can be
shown to anybody, and answers of one kind are equal.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

#: What stands for something that was left out.
GAP = "…"

#: Values of the event that are shorter say nothing of a person, and are in every second word.
_SHORTEST_VALUE = 3

#: A quotation; an apostrophe within a word begins none.
_QUOTED = re.compile(r"(\"|“|„|«|`|(?<!\w)['‘])(.+?)(\"|”|“|»|`|['’](?!\w))")  # noqa: RUF001  they are quotes

#: A word with a digit or an @ in it: a number, an id, a time, an address.
_TELLING = re.compile(r"[^\s\"'“”„«»`()\[\]{}<>,;=]*[\d@][^\s\"'“”„«»`()\[\]{}<>,;=]*")

#: A gap at which another one follows.
_GAPS = re.compile(rf"{GAP}(?:[\s.,:/_-]*{GAP})+")


def form_of(text: str, raw: bytes | None) -> str:
    """An answer without what may be the event's.

    Args:
        text: What the answer says.
        raw: The event; None if it is not there.
    """
    folded = text.casefold()
    values = {value for value in _values_of(raw) if value.casefold() in folded}
    if values:
        # Of two that begin alike the longer one.
        alternatives = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
        text = re.sub(rf"(?<!\w)(?:{alternatives})(?!\w)", GAP, text, flags=re.IGNORECASE)
    text = _QUOTED.sub(rf"\g<1>{GAP}\g<3>", text)
    return _GAPS.sub(GAP, _TELLING.sub(GAP, text))


def _values_of(raw: bytes | None) -> Iterator[str]:
    """The texts of an event that are worth hiding."""
    try:
        event = json.loads(raw or b"null")
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict):
        for name, value in event.items():
            if name != "type":
                yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and len(one.strip()) >= _SHORTEST_VALUE:
            yield one.strip()
