"""Asks before something is removed for good."""

import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode, fail

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(lines: Iterable[str], question: str, refusal: str) -> None:
    """Show what would be removed and ask, on standard error.

    Args:
        lines: What would be removed.
        question: The question, with its question mark.
        refusal: The sentence if the answer is not yes.

    Raises:
        Exit: The answer is no, or standard input has ended.
    """
    for line in lines:
        typer.echo(printable(line), err=True)
    typer.echo(f"{printable(question)} [y/N]: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        if not answer.endswith("\n"):
            typer.echo(err=True)
        fail(ExitCode.NEGATIVE, refusal)
