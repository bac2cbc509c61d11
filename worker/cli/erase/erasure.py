"""Erases a person's events until none is left, whatever workers do meanwhile."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from worker.cli.erase.ownership import Person
from worker.cli.terminal.exit_codes import complain
from worker.cli.terminal.interrupts import step
from worker.cli.terminal.progress import progress, waiting
from worker.journal.journal import MOVED_AT_ONCE, Journal
from worker.journal.reading import PAGE
from worker.journal.records import Erased
from worker.status.wording import counted, duration

#: How often to try again to erase events that workers hold, in seconds.
_POLL_SECONDS = 0.5

#: How long to wait beyond the end of the leases, in seconds: a worker or a clock may be late.
_MARGIN_SECONDS = 10.0

#: The most passes through the journal. If events of the person still come after these, their sender
#: will not stop.
_MAX_PASSES = 20


@dataclass(slots=True)
class Erasure:
    """What was erased so far."""

    journal: Journal
    person: Person
    #: The ids of erased events, undelivered as far as is known.
    ids: list[str] = field(default_factory=list)
    #: How many of these were found in which place.
    by_place: Counter[str] = field(default_factory=Counter)
    #: The ids of events that a worker finished before they could be erased.
    delivered_meanwhile: list[str] = field(default_factory=list)
    #: The ids of events that a worker holds, with the place of each when it was found. They are
    #: erased as soon as the worker is done or the lease ends.
    still_claimed: dict[str, str] = field(default_factory=dict)

    def find(self) -> list[str]:
        """The ids of the person's events, except those that are already marked to be erased."""
        found: dict[str, None] = {}
        total = self.journal.snapshot().stored
        with progress("Looking at every event", total) as bar:
            for number, (event_id, raw) in enumerate(self.journal.all_raw_events(), 1):
                if event_id not in self.still_claimed and self.person.owns(raw):
                    found[event_id] = None
                if number % PAGE == 0:
                    bar.advance(position=min(number, total), events=number)
        return list(found)

    def run(self, found: Sequence[str], *, wait: bool) -> bool:
        """Erase events and look for more until none is found; answer whether none is left.

        Args:
            found: The ids that the first pass found.
            wait: Wait for events that workers hold, until they are gone or their leases have ended.
        """
        for _ in range(_MAX_PASSES):
            for page in _pages(found):
                self._erase(page)
            if wait and not self._wait():
                return False
            found = self.find()
            if not found:
                return not self.still_claimed
        complain("events of this person keep coming; stop what sends them, then repeat the command")
        return False

    def _erase(self, ids: Sequence[str]) -> None:
        """Erase events, or try again for those that a worker holds."""
        with step():
            places = {
                event_id: self.still_claimed.get(event_id) or self.journal.look(event_id).place
                for event_id in ids
            }
            self._note(places, self.journal.erase(ids))

    def _note(self, places: dict[str, str], answers: Sequence[Erased]) -> None:
        """Remember what became of events.

        Args:
            places: Where each event was before, by id.
            answers: The journal's answer for each, in the same order.
        """
        for (event_id, place), answer in zip(places.items(), answers, strict=True):
            was_marked = self.still_claimed.pop(event_id, None) is not None
            if answer is Erased.CLAIMED:
                self.still_claimed[event_id] = place
            elif answer is Erased.FINISHED:
                self.delivered_meanwhile.append(event_id)
            # A marked one that is absent was erased by the journal itself.
            elif answer is Erased.ERASED or was_marked:
                self.ids.append(event_id)
                self.by_place[place] += 1

    def _wait(self) -> bool:
        """Wait for events that workers hold; answer whether all are gone."""
        if not self.still_claimed:
            return True
        seconds = self._longest_lease() + _MARGIN_SECONDS
        number = counted(len(self.still_claimed), "event")
        complain(f"{number} held by workers; waiting for them, {duration(round(seconds))} at most")
        give_up_at = time.monotonic() + seconds
        with waiting("Waiting for workers"):
            while self.still_claimed and time.monotonic() < give_up_at:
                for page in _pages(list(self.still_claimed)):
                    self._erase(page)
                if self.still_claimed:
                    time.sleep(_POLL_SECONDS)
        return not self.still_claimed

    def _longest_lease(self) -> float:
        """Seconds until the last lease of the held events ends."""
        now_ms = self.journal.snapshot().now_ms
        ends = [self.journal.look(event_id).at_ms or 0 for event_id in self.still_claimed]
        return max(0, *(end - now_ms for end in ends)) / 1000


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split ids into steps, between which Ctrl-C may interrupt."""
    for start in range(0, len(ids), MOVED_AT_ONCE):
        yield ids[start : start + MOVED_AT_ONCE]
