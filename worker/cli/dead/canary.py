"""The canary: a few dead letters redriven first; the others follow if these succeed."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from config.printable import printable
from worker.cli.terminal.progress import Bar
from worker.journal.journal import Journal
from worker.journal.reading import Sighting
from worker.journal.snapshot import Snapshot
from worker.status.wording import clock_time, counted, duration, in_shell

#: How often to look at the canary's events, in seconds.
_POLL_SECONDS = 0.2

#: How long the workers may do nothing before waiting is pointless, in seconds, beyond the lease: a
#: lease may have to end first.
PATIENCE_SECONDS = 30.0

#: Counters that grow while workers do something.
_SIGNS = ("attempts", "delivered", "skipped", "dead", "postponed", "leases_lost")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event of the canary."""

    #: `finished`, `dead`, `waiting` or `unknown`.
    place: str
    #: For a dead one the reason and the answer, for a waiting one the last outcome.
    why: str | None = None


def fate_of(sighting: Sighting) -> Fate | None:
    """What became of an event that was sent back; None if that is still open."""
    record = sighting.record
    if sighting.place == "dead":
        answer = record and (f"http_{record.status}" if record.status else record.outcome_class)
        parts = [record.reason if record else None, answer]
        return Fate("dead", " ".join(part for part in parts if part) or "unknown")
    if sighting.place == "waiting" or (record and record.postponed):
        return Fate("waiting", record.outcomes[-1].detail if record and record.outcomes else None)
    return Fate(sighting.place) if sighting.place in {"finished", "unknown"} else None


@dataclass(slots=True)
class Canary:
    """The events that go first, and what became of them."""

    ids: Sequence[str]
    fates: dict[str, Fate] = field(default_factory=dict)
    #: Why the command stopped waiting for pending events; None unless it did.
    stopped: str | None = None

    @property
    def pending(self) -> list[str]:
        """The ids of events whose fate is still open."""
        return [name for name in self.ids if name not in self.fates]

    @property
    def failed(self) -> dict[str, Fate]:
        """The fates of events that were neither delivered nor skipped."""
        return {name: fate for name, fate in self.fates.items() if fate.place != "finished"}

    @property
    def succeeded(self) -> bool:
        """Whether the others may follow."""
        return not self.pending and not self.failed

    def document(self) -> dict[str, Any]:
        """What became of the events, as JSON."""
        failed = {name: asdict(fate) for name, fate in self.failed.items()}
        return {
            "sent": len(self.ids),
            "finished": len(self.fates) - len(failed),
            "failed": failed,
            "pending": self.pending,
            "stopped": self.stopped,
        }

    def verdict(self, others: int) -> str:
        """Why the others do not follow, and what to look at next.

        Args:
            others: The number of dead letters that were to follow.
        """
        rest = f"the other {counted(others, 'dead letter')} stay untouched"
        if not others:
            rest = "there were no others"
        elif others == 1:
            rest = "the other dead letter stays untouched"
        parts = [*self._what_failed(), *self._what_stopped(), rest]
        return f"{'; '.join(parts)}; see `{self._next()}`"

    def _what_failed(self) -> list[str]:
        if not self.failed:
            return []
        ends = Counter(_end(fate) for fate in self.failed.values())
        told = ", ".join(f"{number:,} {end}" for end, number in ends.most_common())
        return [f"{len(self.failed):,} of {counted(len(self.ids), 'canary event')} failed: {told}"]

    def _what_stopped(self) -> list[str]:
        if not self.stopped:
            return []
        number = f"{len(self.pending):,} of {counted(len(self.ids), 'canary event')}"
        return [f"{self.stopped}, so it is not known yet what became of {number}"]

    def _next(self) -> str:
        dead = [name for name, fate in self.failed.items() if fate.place == "dead"]
        first = (dead or list(self.failed) or self.pending)[0]
        return f"convertro {'dead show' if dead else 'show'} {in_shell(first)}"


def _end(fate: Fate) -> str:
    words = {
        "dead": "dead again",
        "waiting": "waiting for a retry",
        "unknown": "gone from the journal",
    }
    return f"{words[fate.place]}{f' ({printable(fate.why)})' if fate.why else ''}"


def obstacle(snapshot: Snapshot) -> str | None:
    """Why no event that is sent back now would be delivered; None if it would be."""
    if snapshot.pause:
        return f"deliveries are paused since {clock_time(snapshot.pause.since_ms)}"
    if not snapshot.workers:
        return "no worker is alive"
    if snapshot.breaker.cause:
        return f"deliveries are held: {printable(snapshot.breaker.why)}"
    return None


def watch(  # noqa: PLR0913  every dependency is an argument
    journal: Journal,
    canary: Canary,
    lease_seconds: float,
    bar: Bar,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the fates of all events are known, or until waiting is pointless.

    Args:
        journal: Where the events are.
        canary: The events that were sent; their fates are noted in it.
        lease_seconds: How long a worker that has ended may keep an event from others.
        bar: Shows the number of events whose fate is known.
        now: A monotonic clock, in seconds.
        sleep: Waits for a number of seconds.
    """
    patience = lease_seconds + PATIENCE_SECONDS
    seen, seen_at = None, now()
    while True:
        snapshot = journal.snapshot()
        for name in canary.pending:
            if fate := fate_of(journal.look(name)):
                canary.fates[name] = fate
        bar.advance(position=len(canary.fates), events=len(canary.fates))
        if not canary.pending:
            return
        signs = [snapshot.claimed, *map(snapshot.total, _SIGNS)]
        if signs != seen:
            seen, seen_at = signs, now()
        canary.stopped = _pointless(snapshot, now() - seen_at, patience)
        if canary.stopped:
            return
        sleep(_POLL_SECONDS)


def _pointless(snapshot: Snapshot, quiet_seconds: float, patience_seconds: float) -> str | None:
    if why := obstacle(snapshot):
        return why
    if quiet_seconds > patience_seconds:
        return f"no worker did anything for {duration(patience_seconds)}"
    return None
