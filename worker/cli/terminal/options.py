"""Arguments and options that several commands share."""

import os
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from worker.cli.terminal.times import Since, parse_since
from worker.outcomes import OutcomeClass
from worker.reasons import DeathReason

T = TypeVar("T")


def utf8(text: str) -> str:
    """Read an argument as UTF-8, whatever the locale is.

    Raises:
        BadParameter: It is not UTF-8, so it cannot be an id.
    """
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        raise typer.BadParameter("is not UTF-8") from None


def telling(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Make an option's parser show the message of its ValueError, which Typer would not."""

    def parser(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parser


EventIdArgument = Annotated[
    str, typer.Argument(metavar="ID", parser=utf8, help="The event's messageId.")
]
EventIdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID", parser=utf8, help="Just these.")
]
ReasonOption = Annotated[
    DeathReason | None, typer.Option("--reason", metavar="R", help="Those of this reason.")
]
ClassOption = Annotated[
    OutcomeClass | None,
    typer.Option("--class", help="Those whose last attempt had this outcome class."),
]
StatusOption = Annotated[
    int | None,
    typer.Option(
        "--status",
        metavar="HTTP",
        min=100,
        max=999,
        help="Those whose last answer had this status.",
    ),
]
SinceOption = Annotated[
    Since | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        parser=telling(parse_since),
        help="Those that died since then: 1h30m, 7d, or an ISO 8601 time (UTC unless it says).",
    ),
]
UntilOption = Annotated[
    Since | None,
    typer.Option(
        "--until",
        metavar="WHEN",
        parser=telling(parse_since),
        help="Those that died before that time; the same forms as --since.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter.")]

#: The most rows of a table without `--limit`; JSON has no such bound.
DEFAULT_ROWS = 100

LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, help=f"The most to list; without it {DEFAULT_ROWS}, or all with --json."
    ),
]
NewestOption = Annotated[bool, typer.Option("--newest", help="The last ones first.")]
