"""Decides which dead letters a command is about; only this module does.

A selection is either ids, or filters that must all apply. A command that changes something collects
its dead letters first, so that events that die meanwhile, perhaps again, are not among them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import dropwhile, islice, takewhile, zip_longest

from config.printable import printable
from worker.cli.terminal.exit_codes import ExitCode, complain, fail
from worker.cli.terminal.progress import waiting
from worker.cli.terminal.times import Since
from worker.journal.journal import Death, Journal
from worker.journal.reading import DeadLetter, Sighting
from worker.status.wording import iso_time

#: The number of events read in one round trip; each has up to 64 KiB.
_READ_AT_ONCE = 50

#: Shown for a dead letter of unknown reason.
UNKNOWN_REASON = "unknown"

#: How an event died: the reason, and the last HTTP status.
_WayOfDying = tuple[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What dead letters must have in common; without any filter, all are selected."""

    reason: str | None = None
    outcome_class: str | None = None
    #: The HTTP status of the last attempt.
    status: int | None = None
    since: Since | None = None
    until: Since | None = None

    @property
    def are_given(self) -> bool:
        """Whether any filter is given."""
        return self != Filters()

    def match(self, letter: DeadLetter) -> bool:
        """Whether all filters but the times apply to a dead letter."""
        record = letter.record
        return (
            self.reason in {None, record.reason}
            and self.outcome_class in {None, record.outcome_class}
            and self.status in {None, record.status}
        )

    def at(self, now_ms: int) -> "Filters":
        """The same filters, with times relative to now replaced by absolute ones.

        Raises:
            Exit: No dead letter can have died between the times.
        """
        if self.since:
            since_ms = self.since.time_ms(now_ms)
            if since_ms > now_ms:
                fail(ExitCode.USAGE, "--since is in the future: nothing has died since then")
            if self.until and since_ms >= self.until.time_ms(now_ms):
                fail(ExitCode.USAGE, "--since must be before --until: else nothing is between them")
        return replace(self, since=_fixed(self.since, now_ms), until=_fixed(self.until, now_ms))

    def arguments(self) -> list[str]:
        """The command-line options for these filters; their times must be absolute."""
        given = {
            "--reason": self.reason,
            "--class": self.outcome_class,
            "--status": self.status,
            "--since": self.since and iso_time(self.since.time_ms(0)),
            "--until": self.until and iso_time(self.until.time_ms(0)),
        }
        return [str(part) for pair in given.items() if pair[1] is not None for part in pair]


def _fixed(since: Since | None, now_ms: int) -> Since | None:
    return since and Since(at_ms=since.time_ms(now_ms))


@dataclass(frozen=True, slots=True)
class Selection:
    """The dead letters that the user asked for."""

    ids: Sequence[str] = ()
    filters: Filters = Filters()
    everything: bool = False

    def check(self) -> None:
        """Refuse an empty selection, and one that mixes ids, filters and `--all`.

        Raises:
            Exit: It is refused.
        """
        ways = [bool(self.ids), self.filters.are_given, self.everything]
        if not any(ways):
            fail(
                ExitCode.USAGE,
                "say which dead letters: ids, --reason, --class, --status, --since, --until, "
                "or --all",
            )
        if sum(ways) > 1:
            fail(ExitCode.USAGE, "give either ids, or filters, or --all, not two of them")


@dataclass(slots=True)
class Chosen:
    """The dead letters of a selection, and the given ids that are not dead."""

    #: When each died, in unix milliseconds, by id, in the order in which they were chosen.
    died_at_ms: dict[str, int] = field(default_factory=dict)
    #: The same ids, by how they died.
    by_kind: dict[_WayOfDying, list[str]] = field(default_factory=dict)
    #: Where each event is that is not dead, by id: `due`, `waiting`, `unknown`, ….
    not_dead: dict[str, str] = field(default_factory=dict)
    #: The selection, with absolute times.
    selection: Selection = Selection()

    @property
    def ids(self) -> list[str]:
        """The ids of all chosen dead letters."""
        return list(self.died_at_ms)

    def deaths_of(self, ids: Iterable[str]) -> list[Death]:
        """The deaths that were chosen, by which the journal tells them from later ones."""
        return [(event_id, self.died_at_ms[event_id]) for event_id in ids]

    @property
    def by_reason(self) -> Counter[str]:
        """The number of dead letters of each reason."""
        counts: Counter[str] = Counter()
        for (reason, _), ids in self.by_kind.items():
            counts[reason] += len(ids)
        return counts

    def take(self, letter: DeadLetter) -> None:
        """Add a dead letter."""
        kind = (letter.record.reason or UNKNOWN_REASON, letter.record.status)
        self.died_at_ms[letter.event_id] = letter.died_at_ms
        self.by_kind.setdefault(kind, []).append(letter.event_id)

    def rest(self, ids: Sequence[str]) -> Selection:
        """A selection with which a later command goes on; it excludes what died again meanwhile."""
        if self.selection.ids:
            return Selection(ids=ids)
        end = Since(at_ms=max(self.died_at_ms.values()) + 1)
        return Selection(filters=replace(self.selection.filters, until=end))


def choose(journal: Journal, selection: Selection) -> Chosen:
    """Collect the selection's dead letters as of now, and note ids that are not dead."""
    fixed = replace(selection, filters=selection.filters.at(journal.snapshot().now_ms))
    chosen = Chosen(selection=fixed)
    with waiting("Looking through the dead letters"):
        for letter in select(journal, fixed, chosen.not_dead):
            chosen.take(letter)
    return chosen


def spread(by_kind: Mapping[_WayOfDying, Sequence[str]], number: int) -> list[str]:
    """Pick a sample that represents all: first one of each kind, spread over time within a kind.

    Args:
        by_kind: All ids.
        number: How many to pick; fewer if there are fewer.
    """
    lots = sorted(by_kind.values(), key=len, reverse=True)
    shares = [0] * len(lots)
    left = min(number, sum(map(len, lots)))
    while left:
        for index, lot in enumerate(lots):
            if left and shares[index] < len(lot):
                shares[index] += 1
                left -= 1
    picked = [_evenly(lot, share) for lot, share in zip(lots, shares, strict=True)]
    return [name for row in zip_longest(*picked) for name in row if name is not None]


def _evenly(lot: Sequence[str], share: int) -> list[str]:
    """Divide a lot into `share` equal parts and take the middle of each."""
    return [lot[(2 * part + 1) * len(lot) // (2 * share)] for part in range(share)]


def select(
    journal: Journal, selection: Selection, not_dead: dict[str, str]
) -> Iterator[DeadLetter]:
    """Go through the dead letters of a selection, oldest first, or in the order of the ids.

    Args:
        journal: Where the dead letters are.
        selection: Which of them.
        not_dead: Where each id is that is not dead; it is filled in.

    Raises:
        Exit: No dead letter can have died between its times; raised before the first is read.
    """
    if selection.ids:
        return _looked_up(journal, selection.ids, not_dead)
    return filtered(journal, selection.filters)


def _looked_up(
    journal: Journal, ids: Iterable[str], not_dead: dict[str, str]
) -> Iterator[DeadLetter]:
    for event_id in dict.fromkeys(ids):
        sighting = journal.look(event_id)
        if sighting.place == "dead" and sighting.record is not None:
            yield DeadLetter(
                event_id=event_id, died_at_ms=sighting.at_ms or 0, record=sighting.record
            )
        else:
            not_dead[event_id] = place_of(sighting)


def place_of(sighting: Sighting) -> str:
    """The place of an event that cannot be handled as a dead letter."""
    return "dead without a record" if sighting.place == "dead" else sighting.place


def filtered(journal: Journal, filters: Filters, *, newest: bool = False) -> Iterator[DeadLetter]:
    """Go through the dead letters to which the filters apply, oldest or newest first.

    Raises:
        Exit: No dead letter can have died between their times.
    """
    if filters.since or filters.until:
        filters = filters.at(journal.snapshot().now_ms)
    letters = journal.dead_letters(filters.since.time_ms(0) if filters.since else 0, newest=newest)
    if filters.until:
        end_ms = filters.until.time_ms(0)
        if newest:
            letters = dropwhile(lambda letter: letter.died_at_ms >= end_ms, letters)
        else:
            letters = takewhile(lambda letter: letter.died_at_ms < end_ms, letters)
    return (letter for letter in letters if filters.match(letter))


def with_events(
    journal: Journal, letters: Iterable[DeadLetter]
) -> Iterator[tuple[DeadLetter, bytes | None]]:
    """Read the events of dead letters, several at a time; None for an event that is missing."""
    rest = iter(letters)
    while step := list(islice(rest, _READ_AT_ONCE)):
        events = journal.raw_events([letter.event_id for letter in step])
        yield from zip(step, events, strict=True)


def complain_about(not_dead: dict[str, str]) -> None:
    """Name the ids that are not dead, and say where they are."""
    for event_id, place in not_dead.items():
        complain(f"{printable(event_id)} is no dead letter but {place}")
