"""Texts of settings: read from the environment without what surrounds them, and checked.

A secret's file ends in a newline, `docker --env-file` keeps quotes, and copied text brings
characters that nobody sees: what is not part of a value is taken away or refused by name.
"""

import os
from contextlib import suppress
from unicodedata import category, name

#: General categories of characters that no name holds: control, format, surrogate, private use,
#: unassigned, and separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def trimmed(value: str) -> str:
    """The text of a variable, as UTF-8 whatever the locale is, without blanks around it."""
    with suppress(UnicodeError):  # not UTF-8: its characters are checked like others
        value = os.fsencode(value).decode()
    return value.removeprefix(_BYTE_ORDER_MARK).strip()


def path_named(text: str) -> str:
    """The path that a text names in UTF-8, as the locale writes it."""
    return os.fsdecode(text.encode(errors="surrogateescape"))


def check_text(value: str, *, blanks: bool = True) -> None:
    """Accept a name: letters, digits and marks that are seen.

    Args:
        value: The text.
        blanks: Whether it may hold blanks.

    Raises:
        ValueError: Names the first character that it must not hold, and nothing else of it.
    """
    if value[:1] in {"'", '"'} and len(value) > 1 and value[-1] == value[0]:
        raise ValueError("is in quotes, which are part of the value: leave them out")
    for character in value:
        if category(character) in _UNSEEN or (character.isspace() and not blanks):
            raise ValueError(f"must not hold {_named(character)}")


def check_url(value: str) -> None:
    """Accept what a URL may consist of: ASCII that is seen.

    Raises:
        ValueError: Names the first character that it must not hold, and nothing else of it.
    """
    check_text(value, blanks=False)
    for character in value:
        if not character.isascii():
            raise ValueError(
                f"must not hold {_named(character)}: write a host's name in its ASCII form "
                "(xn--…), all else percent-encoded"
            )


def _named(character: str) -> str:
    point = f"U+{ord(character):04X}"
    known = name(character, "")
    return f"{known} ({point})" if known else f"the character {point}"
