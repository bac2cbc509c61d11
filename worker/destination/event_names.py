"""Recognises special event names, and compares names. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from unicodedata import category, normalize

from config.destination import EventMapping

#: White space in JavaScript's sense; Python's `\s` matches other characters.
_WHITE_SPACE = re.compile(r"[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")

_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_UNDERSCORES = re.compile(r"_+")

#: First letters of Unicode's categories: of letters and numbers; of these and combining marks.
_LETTERS_AND_DIGITS = frozenset("LN")
_PARTS_OF_WORDS = frozenset("LNM")

#: Capitals after another character, for names of only letters and digits.
_INNER_CAPITALS = re.compile(r"(.)([A-Z]+)")


def _either_order(one: str, other: str) -> re.Pattern[str]:
    """Match two words in either order; between and around them may be one blank or underscore."""
    gap = "[ _]?"
    return re.compile(
        f"{gap}(?:{one}{gap}{other}|{other}{gap}{one}){gap}", re.IGNORECASE | re.ASCII
    )


_ORDER_COMPLETED = _either_order("order", "completed")
_APPLICATION_INSTALLED = _either_order("application", "installed")


def is_order_completed(name: str) -> bool:
    """Whether a name is Order Completed, or its older form Completed Order."""
    return _ORDER_COMPLETED.fullmatch(name) is not None


def is_application_installed(name: str) -> bool:
    """Whether a name is Application Installed, in either order of words."""
    return _APPLICATION_INSTALLED.fullmatch(name) is not None


def mapped_types(name: str, mappings: tuple[EventMapping, ...]) -> tuple[str, ...]:
    """Get the Convertro types of a Segment name, in the setting's order; empty without any."""
    return _types_by_name(mappings).get(normalised(name), ())


@lru_cache(maxsize=128)
def normalised(name: str) -> str:
    """Write a name in the form in which names are compared.

    One of three rules applies: a name with white space is put into lower case; else separators
    become single blanks; else camel case is split. So `Signed Up`, `signed_up` and `signedUp` are
    equal, but `SIGNUP`, which becomes `s i g n u p`, is not `signup`. Letters and digits of all
    scripts count. A name without any is put into lower case.
    """
    name = normalize("NFC", name)
    if _WHITE_SPACE.search(name):
        return name.lower()
    words = _words(name)
    if len(words) > 1:
        return " ".join(words if words[-1] else words[:-1]).lower()
    return _INNER_CAPITALS.sub(_spaced_out, name).lower()


def _words(name: str) -> list[str]:
    """Split a name at its separators; a name without letters and digits is not split."""
    if name.isascii():
        words = _SEPARATORS.split(name)
        return words if any(words) else [name]
    kinds = [category(character)[0] for character in name]
    if _LETTERS_AND_DIGITS.isdisjoint(kinds):
        return [name]
    pairs = zip(name, kinds, strict=True)
    marked = "".join(char if kind in _PARTS_OF_WORDS else "_" for char, kind in pairs)
    return _UNDERSCORES.split(marked)


def _spaced_out(found: re.Match[str]) -> str:
    return f"{found[1]} {' '.join(found[2])}"


@lru_cache(maxsize=16)
def _types_by_name(mappings: tuple[EventMapping, ...]) -> Mapping[str, tuple[str, ...]]:
    """Make a dictionary of the setting, once for each value of it."""
    types: dict[str, tuple[str, ...]] = {}
    for mapping in mappings:
        name = normalised(mapping.key)
        types[name] = (*types.get(name, ()), mapping.value)
    return types
