"""Prints to standard output what is not a table.

Ids and reasons come from outside, so control characters in them are escaped: a terminal must show
them, not obey them.
"""

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from config.printable import printable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def say(line: str) -> None:
    """Print a text of one or more lines, without wrapping."""
    sys.stdout.write(printable(line, but="\n") + "\n")


def json_line(document: Any) -> str:
    """A JSON document on one line, in ASCII, which every pipe and terminal can carry."""
    return json.dumps(document, default=dict)


def say_json(document: Any) -> None:
    """Print one JSON document, indented."""
    say(json.dumps(document, indent=2))


def say_json_array(documents: Iterable[Any]) -> None:
    """Print a JSON array, one element a line, each as soon as it is there."""
    begun = False
    for document in documents:
        sys.stdout.write(f"{',' if begun else '['}\n  {json_line(document)}")
        begun = True
    say("\n]" if begun else "[]")
