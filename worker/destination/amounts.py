r"""Amounts as producers write them: numbers, and strings such as `"$1,234.50"`. Pure.

A comma or a dot is the decimal separator or one between thousands:

    both are there          the last one is the decimal separator   1.234,50   1,234.50
    one of them, repeated   between thousands, in groups            1.234.567  1,23,456
    one comma               between thousands if three digits       1,234      12,5
                            follow and one to three come before
    one dot                 the decimal separator                   1.234
"""

import re
from math import isfinite
from typing import Any
from unicodedata import category

from worker.destination.fields import is_number

#: Currency signs, blanks, and invisible marks such as the direction of writing.
_IGNORED_CATEGORIES = frozenset({"Sc", "Zs", "Zl", "Zp", "Cf"})

#: Switzerland's separator between thousands.
_APOSTROPHE = re.compile(r"(?<=[0-9])['\u2019](?=[0-9]{3}(?![0-9]))")

#: What some locales write for a hyphen before a number.
_MINUS_SIGN = "\u2212"

#: The number with which a cleaned string begins, by the table above. It is atomic: a number
#: that runs on in `_` or in digits of another script is refused, not cut off before them.
_NUMBER = re.compile(
    r"""
    (?P<sign> [+-]? )
    (?>
        (?P<commas> [0-9]+ (?:,[0-9]{2,3})* ,[0-9]{3} \.[0-9]*
                  | [1-9][0-9]{0,2} (?:,[0-9]{2,3})* ,[0-9]{3} (?![0-9]) )
      | (?P<dots>   [0-9]+ (?:\.[0-9]{3})+ ,[0-9]+
                  | [1-9][0-9]{0,2} (?:\.[0-9]{3}){2,} (?![0-9]) )
      | (?P<plain>  (?: [0-9]+ (?:[.,][0-9]*)? | [.,][0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    )
    (?! _?\d )
    """,
    re.VERBOSE,
)


def amount_of(value: Any) -> float | None:
    """The amount that a property holds; None if it holds none.

    A finite number is one as it is, 0 too. A string is one if it begins with a number once
    currency signs, blanks and separators between thousands are out of the way. Digits are
    ASCII; `1_000`, NaN and Infinity are no numbers.
    """
    if is_number(value):
        return value
    return _read(value) if isinstance(value, str) else None


def is_provided(value: Any) -> bool:
    """Whether a property holds anything at all; null and blank text are nothing."""
    return value is not None and not (isinstance(value, str) and (not value or value.isspace()))


def _read(text: str) -> float | None:
    found = _NUMBER.match(_cleaned(text))
    if found is None:
        return None
    if found["commas"]:
        digits = found["commas"].replace(",", "")
    else:
        digits = (found["dots"] or "").replace(".", "") or found["plain"]
    amount = float(found["sign"] + digits.replace(",", "."))
    return amount if isfinite(amount) else None


def _cleaned(text: str) -> str:
    kept = "".join(character for character in text if not _is_ignored(character))
    return _APOSTROPHE.sub("", kept.replace(_MINUS_SIGN, "-"))


def _is_ignored(character: str) -> bool:
    return character.isspace() or category(character) in _IGNORED_CATEGORIES
