"""docs/delivery.md agrees with the code about classes, causes and faults."""

import re
from pathlib import Path

from worker.journal.breaker_state import CAUSES
from worker.outcomes import OutcomeClass
from worker.reasons import DeathReason, Fault

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table with a heading, without backquotes."""
    table = PAGE[PAGE.index(f"| {heading} |") :].partition("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_it_lists_the_outcome_classes() -> None:
    assert [name for name, *_ in rows("class")] == list(OutcomeClass)


def test_it_names_those_that_hold_the_stream() -> None:
    named = re.search(r"Convertro's\s+fault\s+or\s+ours\s+\(([^)]*)\)", PAGE)
    assert named is not None
    guarded = {reason for reason in DeathReason if reason.fault is Fault.ANYWHERE}
    assert set(re.findall(r"`(\w+)`", named[1])) == guarded


def test_it_says_of_each_cause_what_status_says() -> None:
    assert {name: said for name, _, said in rows("cause")} == {**CAUSES}
