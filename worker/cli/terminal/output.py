"""What goes to standard output besides tables.

Ids and reasons come from outside: whatever they hold, a terminal must show it and not obey it.
"""

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from config.printable import printable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def say(line: str) -> None:
    """Print one line, however long, or a few."""
    sys.stdout.write(printable(line, but="\n") + "\n")


def json_line(document: Any) -> str:
    """A JSON document on one line, in ASCII, which every pipe and terminal can carry."""
    return json.dumps(document, default=dict)


def say_json(document: Any) -> None:
    """Print one JSON document, indented."""
    say(json.dumps(document, indent=2))


def say_json_array(documents: Iterable[Any]) -> None:
    """Print a JSON array, one element a line, while its elements come."""
    begun = False
    for document in documents:
        sys.stdout.write(f"{',' if begun else '['}\n  {json_line(document)}")
        begun = True
    say("\n]" if begun else "[]")
