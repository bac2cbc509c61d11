"""How a command ends: the exit codes, and one sentence on standard error.

`worker.cli.write_reference` says at length what each means.
"""

import re
import shutil
import sys
from enum import IntEnum
from textwrap import wrap
from typing import NoReturn

import typer

from config.printable import printable
from convertro.errors import JournalUnavailable

_WHEN_FULL = "raise maxmemory (`convertro status` says how full Redis is), then"
_WHEN_REFUSED = "`convertro status` says why Redis refuses writes and what to do; then"
_CHECK = "check that Redis runs and that CONVERTRO_REDIS_URL is right, then"
_REPEAT = "repeat the command"

#: What to do about a Redis that answers and refuses, by a word of what it says.
_ADVICE = {
    "OutOfMemory": _WHEN_FULL,
    **dict.fromkeys(("MISCONF", "NOREPLICAS", "ReadOnly", "NoPermission"), _WHEN_REFUSED),
}

#: What ends a sentence that says how to go on: a whole command.
GO_ON = "go on with: "

_COMMAND = re.compile(rf"`[^`]*`|(?<={GO_ON}).*")

#: A blank at which no line breaks.
_UNBROKEN = "\N{NO-BREAK SPACE}"


class ExitCode(IntEnum):
    """What a command's end tells a script."""

    #: Everything that was asked for is done or shown.
    DONE = 0
    #: It ran, and the answer is no.
    NEGATIVE = 1
    #: What was asked for cannot be done as it was asked for, or here.
    USAGE = 2
    #: Redis did not answer, or refused.
    UNAVAILABLE = 3
    #: Ctrl-C.
    INTERRUPTED = 130


def complain(sentence: str) -> None:
    """Say a sentence on standard error; on a terminal in lines that break between words."""
    line = f"convertro: {printable(sentence)}"
    if sys.stderr.isatty():
        line = wrapped(line, shutil.get_terminal_size().columns)
    typer.echo(line, err=True)


def wrapped(line: str, width: int) -> str:
    """A line in several that break between words, and never within a command to be copied."""
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _UNBROKEN), line)
    lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_UNBROKEN, " ")


def fail(code: ExitCode, sentence: str) -> NoReturn:
    """Say why and end.

    Raises:
        Exit: Always, with the code.
    """
    complain(sentence)
    raise typer.Exit(code)


def fail_unavailable(
    error: JournalUnavailable, so_far: str | None = None, then: str | None = None
) -> NoReturn:
    """Say that Redis did not do its part, how far the command came, and what to do; then end.

    Args:
        error: What happened.
        so_far: How far the command came.
        then: What to do once Redis is back; to repeat the command unless it says.

    Raises:
        Exit: Always.
    """
    what_happened = " ".join(str(error).split()).rstrip(".")
    first = next((advice for sign, advice in _ADVICE.items() if sign in what_happened), _CHECK)
    parts = [what_happened, so_far, f"{first} {then or _REPEAT}"]
    fail(ExitCode.UNAVAILABLE, "; ".join(part for part in parts if part))
