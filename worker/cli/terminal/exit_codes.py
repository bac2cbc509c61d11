"""How a command ends: the exit codes, and one sentence on standard error.

`worker.cli.write_reference` explains each code in full.
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

#: What to do about a Redis that answers but refuses, by a word of its error.
_ADVICE = {
    "OutOfMemory": _WHEN_FULL,
    **dict.fromkeys(("MISCONF", "NOREPLICAS", "ReadOnly", "NoPermission"), _WHEN_REFUSED),
}

#: Introduces the command with which to go on; it ends the sentence.
GO_ON = "go on with: "

_COMMAND = re.compile(rf"`[^`]*`|(?<={GO_ON}).*")

#: A space at which no line breaks.
_UNBROKEN = "\N{NO-BREAK SPACE}"


class ExitCode(IntEnum):
    """A command's result, for scripts."""

    #: Everything that was asked for is done or shown.
    DONE = 0
    #: It ran, and the answer is no.
    NEGATIVE = 1
    #: The options, settings or files are wrong, or an extra is not installed.
    USAGE = 2
    #: Redis did not answer, or refused.
    UNAVAILABLE = 3
    #: Ctrl-C.
    INTERRUPTED = 130


def complain(sentence: str) -> None:
    """Print a sentence on standard error; on a terminal, wrap it between words."""
    line = f"convertro: {printable(sentence)}"
    if sys.stderr.isatty():
        line = wrapped(line, shutil.get_terminal_size().columns)
    typer.echo(line, err=True)


def wrapped(line: str, width: int) -> str:
    """Wrap a line between words, but never within a command, so that it can be copied."""
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _UNBROKEN), line)
    lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_UNBROKEN, " ")


def fail(code: ExitCode, sentence: str) -> NoReturn:
    """Print a sentence and end the command.

    Raises:
        Exit: Always, with the code.
    """
    complain(sentence)
    raise typer.Exit(code)


def fail_unavailable(
    error: JournalUnavailable, so_far: str | None = None, then: str | None = None
) -> NoReturn:
    """Say what failed in Redis, how far the command came and what to do, and end the command.

    Args:
        error: What happened.
        so_far: How far the command came.
        then: What to do once Redis is back; by default, to repeat the command.

    Raises:
        Exit: Always.
    """
    what_happened = " ".join(str(error).split()).rstrip(".")
    first = next((advice for sign, advice in _ADVICE.items() if sign in what_happened), _CHECK)
    parts = [what_happened, so_far, f"{first} {then or _REPEAT}"]
    fail(ExitCode.UNAVAILABLE, "; ".join(part for part in parts if part))
