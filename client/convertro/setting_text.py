"""Trims and checks the text of settings.

A secret's file ends in a newline, `docker --env-file` keeps quotes, and copied text contains
invisible characters. Blanks and a byte order mark around a value are removed; other characters
that are no part of a value are refused, and the error names them.
"""

import os
from contextlib import suppress
from unicodedata import category, name

#: Unicode categories that a value must not contain: control, format, surrogate, private use,
#: unassigned, line separator and paragraph separator.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def trimmed(value: str) -> str:
    """Read a variable's text as UTF-8, whatever the locale, and strip blanks around it."""
    with suppress(UnicodeError):  # not UTF-8: the text stays as the locale decoded it
        value = os.fsencode(value).decode()
    return value.removeprefix(_BYTE_ORDER_MARK).strip()


def path_named(text: str) -> str:
    """Turn a path written in UTF-8 into the string by which Python opens it in this locale."""
    return os.fsdecode(text.encode(errors="surrogateescape"))


def check_text(value: str, *, blanks: bool = True) -> None:
    """Check that a text has only visible characters and is not in quotes.

    Args:
        value: The text.
        blanks: Whether it may contain blanks.

    Raises:
        ValueError: The text is wrong; the message quotes only the first wrong character, because
            the text may be a password.
    """
    if value[:1] in {"'", '"'} and len(value) > 1 and value[-1] == value[0]:
        raise ValueError("is in quotes, which are part of the value: leave them out")
    for character in value:
        if category(character) in _UNSEEN or (character.isspace() and not blanks):
            raise ValueError(f"must not hold {_named(character)}")


def check_url(value: str) -> None:
    """Check that a URL has only visible ASCII characters and is not in quotes.

    Raises:
        ValueError: As for `check_text`.
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
