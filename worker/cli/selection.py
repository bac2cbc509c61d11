"""Which dead letters a command is about: the one place that decides it.

Either ids, or filters that must all apply. A selection that is to change something is
collected first, so that what dies meanwhile, perhaps again, is not part of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from worker.cli.exits import ExitCode, complain, fail
from worker.cli.output import printable
from worker.cli.progress import waiting
from worker.cli.since import Since
from worker.journal import DeadLetter, Journal, Sighting

#: Shown for a dead letter of unknown reason.
UNKNOWN_REASON = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What dead letters must have in common; without any it is all of them."""

    reason: str | None = None
    outcome_class: str | None = None
    #: HTTP status of the last attempt.
    status: int | None = None
    since: Since | None = None

    @property
    def are_given(self) -> bool:
        """Whether there is one at all."""
        return self != Filters()

    def match(self, letter: DeadLetter) -> bool:
        """Whether all of them, but for the time, apply to a dead letter."""
        record = letter.record
        return (
            self.reason in {None, record.reason}
            and self.outcome_class in {None, record.outcome_class}
            and self.status in {None, record.status}
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for."""

    ids: Sequence[str] = ()
    filters: Filters = Filters()
    everything: bool = False

    def check(self) -> None:
        """Refuse a selection that says nothing, or two things at once.

        Raises:
            Exit: It does.
        """
        ways = [bool(self.ids), self.filters.are_given, self.everything]
        if not any(ways):
            fail(
                ExitCode.USAGE,
                "say which dead letters: ids, --reason, --class, --status, --since, or --all",
            )
        if sum(ways) > 1:
            fail(ExitCode.USAGE, "give either ids, or filters, or --all, not two of them")


@dataclass(slots=True)
class Chosen:
    """The dead letters of a selection, by id, and those ids that are not dead."""

    ids: list[str] = field(default_factory=list)
    by_reason: Counter[str] = field(default_factory=Counter)
    #: Where the others are: `due`, `waiting`, `unknown`, ….
    not_dead: dict[str, str] = field(default_factory=dict)


def choose(journal: Journal, selection: Selection) -> Chosen:
    """Collect what is dead now; ids that are not dead are noted."""
    chosen = Chosen()
    with waiting("Looking through the dead letters"):
        for letter in select(journal, selection, chosen.not_dead):
            chosen.ids.append(letter.event_id)
            chosen.by_reason[letter.record.reason or UNKNOWN_REASON] += 1
    return chosen


def select(
    journal: Journal, selection: Selection, not_dead: dict[str, str]
) -> Iterator[DeadLetter]:
    """Go through the dead letters of a selection, oldest first, or in the order of the ids.

    Args:
        journal: Where they are.
        selection: Which of them.
        not_dead: Takes the ids that are not dead, and where they are.
    """
    if not selection.ids:
        yield from filtered(journal, selection.filters)
        return
    for event_id in dict.fromkeys(selection.ids):
        sighting = journal.look(event_id)
        if sighting.place == "dead" and sighting.record is not None:
            yield DeadLetter(
                event_id=event_id, died_at_ms=sighting.at_ms or 0, record=sighting.record
            )
        else:
            not_dead[event_id] = place_of(sighting)


def place_of(sighting: Sighting) -> str:
    """Where an event is that cannot be handled as a dead letter."""
    return "dead without a record" if sighting.place == "dead" else sighting.place


def filtered(journal: Journal, filters: Filters) -> Iterator[DeadLetter]:
    """Go through the dead letters to which the filters apply, oldest first."""
    begin_ms = filters.since.begin_ms(journal.snapshot().now_ms) if filters.since else 0
    return (letter for letter in journal.dead_letters(begin_ms) if filters.match(letter))


def complain_about(not_dead: dict[str, str]) -> None:
    """Name the ids that are not dead, and say where they are."""
    for event_id, place in not_dead.items():
        complain(f"{printable(event_id)} is no dead letter but {place}")
