"""The form of an answer: its text without anything that may come from the event. Pure.

An answer may quote the event: the amount that is wrong, the person who is unknown. Its form leaves
out numbers, quoted text, addresses, and every value of the event itself. So it can be shown to
everyone, and answers of one kind are equal.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

#: Replaces what is left out.
GAP = "…"

#: The shortest value of the event that is left out, in characters. Shorter ones identify no person
#: and occur in every second word.
_SHORTEST_VALUE = 3

#: A quotation. An apostrophe within a word does not begin one.
_QUOTED = re.compile(r"(\"|“|„|«|`|(?<!\w)['‘])(.+?)(\"|”|“|»|`|['’](?!\w))")  # noqa: RUF001  they are quotes

#: A word with a digit or an @ in it: a number, an id, a time, an address.
_TELLING = re.compile(r"[^\s\"'“”„«»`()\[\]{}<>,;=]*[\d@][^\s\"'“”„«»`()\[\]{}<>,;=]*")

#: Several gaps in a row; they become one.
_GAPS = re.compile(rf"{GAP}(?:[\s.,:/_-]*{GAP})+")


def form_of(text: str, raw: bytes | None) -> str:
    """Reduce an answer to its form.

    Args:
        text: The answer's text.
        raw: The event; None if it is not known.
    """
    folded = text.casefold()
    values = {value for value in _values_of(raw) if value.casefold() in folded}
    if values:
        # Longest first, so that of two values with the same beginning the longer one matches.
        alternatives = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
        text = re.sub(rf"(?<!\w)(?:{alternatives})(?!\w)", GAP, text, flags=re.IGNORECASE)
    text = _QUOTED.sub(rf"\g<1>{GAP}\g<3>", text)
    return _GAPS.sub(GAP, _TELLING.sub(GAP, text))


def _values_of(raw: bytes | None) -> Iterator[str]:
    """Find the texts of an event that are to be left out."""
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
