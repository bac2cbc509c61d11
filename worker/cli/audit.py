"""The command `convertro audit`: is every event accounted for?"""

from dataclasses import dataclass
from typing import Any

import typer

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.cli.terminal.place import say_place
from worker.cli.terminal.progress import waiting
from worker.journal.snapshot import Snapshot
from worker.status.place import place_document
from worker.status.wording import counted


@dataclass(frozen=True, slots=True)
class Findings:
    """What the audit found."""

    snapshot: Snapshot
    #: What is wrong with single events, by event id.
    problems: dict[str, str]

    @property
    def misplaced(self) -> int:
        """Stored events that are neither due, claimed nor dead; negative if events are missing."""
        return self.snapshot.stored - self.snapshot.in_flight - self.snapshot.dead

    @property
    def unvalued(self) -> int:
        """Dead letters that are missing in the order of worth; negative if it has too many."""
        return self.snapshot.dead - self.snapshot.valued

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.snapshot.unaccounted, self.misplaced, self.unvalued, self.problems)
        return not any(wrong)


def audit(*, as_json: JsonOption = False) -> None:
    """Check that every event is accounted for.

    Accepted events must equal those delivered, skipped, discarded, due or claimed, and dead.
    Then every event is looked at by itself, and the ids of those that are wrong are named. It may
    run beside workers at any time.

    Example: convertro audit || page-somebody

    Exit codes: 0 all is well, 1 something is wrong, 3 Redis is unavailable.
    """
    producer = open_journal()
    journal = producer.journal
    with waiting("Looking at every event"):
        findings = Findings(journal.snapshot(), dict(journal.inspect()))
    if as_json:
        say_json({**_document(findings), "journal": place_document(producer.settings)})
    else:
        _say(findings)
        say_place(producer.settings, findings.snapshot)
    if not findings.is_good:
        raise typer.Exit(ExitCode.NEGATIVE)


def _terms(snapshot: Snapshot) -> dict[str, int]:
    """The terms of the equation: the first equals the sum of the others."""
    counted_by_name = ("accepted", "delivered", "skipped", "discarded")
    return {
        **{name: snapshot.total(name) for name in counted_by_name},
        "due or claimed": snapshot.in_flight,
        "dead": snapshot.dead,
    }


def _say(findings: Findings) -> None:
    for sign, (name, number) in zip(" =++++", _terms(findings.snapshot).items(), strict=True):
        say(f"{sign} {name:<14} {number:>12,}")
    for sentence in _sentences(findings):
        say(sentence)
    for event_id, problem in findings.problems.items():
        say(f"{printable(event_id)}: {problem}")


def _sentences(findings: Findings) -> list[str]:
    """What the numbers mean."""
    if findings.is_good:
        return ["every event is accounted for"]
    found: list[str] = []
    if (unaccounted := findings.snapshot.unaccounted) > 0:
        found.append(f"WRONG: {counted(unaccounted, 'accepted event')} cannot be found")
    elif unaccounted:
        found.append(f"WRONG: {counted(-unaccounted, 'event')} more than were accepted")
    if findings.misplaced:
        snapshot = findings.snapshot
        found.append(
            f"WRONG: {counted(snapshot.stored, 'event')} stored, but "
            f"{snapshot.in_flight:,} due or claimed + {snapshot.dead:,} dead"
        )
    if findings.unvalued:
        found.append(
            f"WRONG: {counted(findings.snapshot.dead, 'dead letter')}, but "
            f"{findings.snapshot.valued:,} in the order of their worth"
        )
    if findings.problems:
        found.append(f"WRONG: {counted(len(findings.problems), 'single event')}:")
    return found


def _document(findings: Findings) -> dict[str, Any]:
    snapshot = findings.snapshot
    return {
        "good": findings.is_good,
        **{name.replace(" ", "_"): number for name, number in _terms(snapshot).items()},
        "unaccounted": snapshot.unaccounted,
        "stored": snapshot.stored,
        "problems": [
            {"id": event_id, "problem": problem} for event_id, problem in findings.problems.items()
        ],
    }
