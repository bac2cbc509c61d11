"""Event names: which are special to Convertro, and when two are the same. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from unicodedata import category, normalize

from config.destination import EventMapping

#: What JavaScript calls white space; Python's `\s` draws the line elsewhere.
_WHITE_SPACE = re.compile(r"[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")

_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_UNDERSCORES = re.compile(r"_+")

#: Beginnings of Unicode's categories: of letters and digits, and of these and marks on letters.
_LETTERS_AND_DIGITS = frozenset("LN")
_PARTS_OF_WORDS = frozenset("LNM")

#: Capitals after any character, in a name of nothing but letters and digits.
_INNER_CAPITALS = re.compile(r"(.)([A-Z]+)")


def _either_order(one: str, other: str) -> re.Pattern[str]:
    """Both words in either order, each place between and around with one blank or underscore."""
    gap = "[ _]?"
    return re.compile(
        f"{gap}(?:{one}{gap}{other}|{other}{gap}{one}){gap}", re.IGNORECASE | re.ASCII
    )


_ORDER_COMPLETED = _either_order("order", "completed")
_APPLICATION_INSTALLED = _either_order("application", "installed")


def is_order_completed(name: str) -> bool:
    """Whether it is Order Completed, or Completed Order as it was called before."""
    return _ORDER_COMPLETED.fullmatch(name) is not None


def is_application_installed(name: str) -> bool:
    """Whether it is Application Installed, in either order."""
    return _APPLICATION_INSTALLED.fullmatch(name) is not None


def mapped_types(name: str, mappings: tuple[EventMapping, ...]) -> tuple[str, ...]:
    """The Convertro types of a Segment name, in the setting's order; empty if it has none."""
    return _types_by_name(mappings).get(normalised(name), ())


@lru_cache(maxsize=128)
def normalised(name: str) -> str:
    """The form in which names are compared.

    One of three rules applies: white space only lower-cases; else separators become single
    blanks; else camel case is split. So `Signed Up`, `signed_up` and `signedUp` are equal,
    but `SIGNUP`, which becomes `s i g n u p`, is not `signup`. Letters and digits are those of
    every script, and one that has none is lower-cased as well.
    """
    name = normalize("NFC", name)
    if _WHITE_SPACE.search(name):
        return name.lower()
    words = _words(name)
    if len(words) > 1:
        return " ".join(words if words[-1] else words[:-1]).lower()
    return _INNER_CAPITALS.sub(_spaced_out, name).lower()


def _words(name: str) -> list[str]:
    """What separators divide; the name itself if it has neither letter nor digit."""
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
    """The setting, read once; a process has one, tests have a few."""
    types: dict[str, tuple[str, ...]] = {}
    for mapping in mappings:
        name = normalised(mapping.key)
        types[name] = (*types.get(name, ()), mapping.value)
    return types
