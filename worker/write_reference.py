"""Writes the tables of reasons and of log actions into `docs/`.

Run as `python -m worker.write_reference`; a test fails while a page differs. A table is found by
its titles; the rest of the page is written by hand.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from worker.log_actions import LogAction
from worker.reasons import DeathReason, DiscardReason, Note, Reason, SkipReason

DOCS = Path(__file__).parents[1] / "docs"

_Row = tuple[str, ...]


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _meanings(reasons: Iterable[Reason]) -> list[_Row]:
    return [(_code([reason]), reason.meaning) for reason in reasons]


def _remedies() -> list[_Row]:
    """List what to do about dead letters; adjacent reasons with the same remedy share a row."""
    alike = groupby(DeathReason, lambda reason: reason.remedy)
    return [(_code(reasons), remedy) for remedy, reasons in alike]


def _actions() -> list[_Row]:
    return [
        (_code([one]), ", ".join(one.levels), one.meaning, _code(one.fields), one.remedy)
        for one in LogAction
    ]


#: The rows of each table, by page and titles.
TABLES: dict[str, dict[str, list[_Row]]] = {
    "delivery.md": {
        "| reason | what it means |": _meanings(DeathReason),
        "| discarded | because |": _meanings(DiscardReason),
    },
    "logging.md": {"| action | level | what it says | fields | what to do |": _actions()},
    "mapping.md": {
        "| skip | because |": _meanings(SkipReason),
        "| note | of which events |": _meanings(Note),
    },
    "operations.md": {"| reason | what to do |": _remedies()},
}


def filled(page: str) -> str:
    """Give the text of a page with its tables up to date.

    Raises:
        ValueError: The page lacks a table.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    for titles, rows in TABLES[page].items():
        before, found, rest = text.partition(f"{titles}\n")
        if not found:
            raise ValueError(f"docs/{page} has no table with the titles {titles}")
        _old, _blank, after = rest.partition("\n\n")
        lines = [titles, "| --- " * (titles.count("|") - 1) + "|"]
        lines += ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows]
        text = before + "\n".join(lines) + "\n\n" + after
    return text


def write() -> None:
    """Write the pages."""
    for page in TABLES:
        (DOCS / page).write_text(filled(page), encoding="utf-8")


if __name__ == "__main__":
    write()
