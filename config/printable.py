"""Ids and names come from outside: a terminal must show what is in them, and not obey it. Pure."""


def printable(text: str, *, but: str = "") -> str:
    """A text with everything but visible characters and blanks written as escapes.

    Control characters, bidirectional marks and what has no width cannot be seen.

    Args:
        text: Whatever it is.
        but: Characters that stay all the same.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in but
        else character.encode("unicode_escape").decode()
        for character in text
    )
