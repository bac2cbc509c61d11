"""Escapes ids and names from outside, so that a terminal does not obey what they contain. Pure."""


def printable(text: str, *, but: str = "") -> str:
    """Write all characters of a text but visible ones and blanks as escapes.

    Control characters, bidirectional marks and characters without width are not visible.

    Args:
        text: Any text.
        but: Characters that are not escaped.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in but
        else character.encode("unicode_escape").decode()
        for character in text
    )
