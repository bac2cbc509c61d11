"""Asking before something goes for good."""

import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode, fail

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(lines: Iterable[str], question: str, refusal: str) -> None:
    """Show what would go and ask, on standard error.

    Args:
        lines: What would go.
        question: Ends with a question mark.
        refusal: Said if the answer is not yes.

    Raises:
        Exit: The answer is no, or there is nobody to answer.
    """
    for line in lines:
        typer.echo(printable(line), err=True)
    typer.echo(f"{printable(question)} [y/N]: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        if not answer.endswith("\n"):
            typer.echo(err=True)
        fail(ExitCode.NEGATIVE, refusal)
