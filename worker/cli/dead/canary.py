"""A few dead letters that go first, to see whether the others may follow."""

import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from worker.cli.terminal.progress import Bar
from worker.journal.journal import Journal
from worker.journal.reading import Sighting
from worker.journal.snapshot import Snapshot
from worker.status.wording import clock_time, counted, duration, printable

#: Between two looks at them.
_POLL_SECONDS = 0.2

#: Beyond a lease, which may have to end first, so long may nothing happen.
PATIENCE_SECONDS = 30.0

#: Counters that grow while workers get on with their work.
_SIGNS = ("attempts", "delivered", "skipped", "dead", "postponed", "leases_lost")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one that was sent."""

    #: `finished`, `dead`, `waiting` or `unknown`.
    place: str
    #: The reason and the answer; None if it is finished.
    why: str | None = None


def fate_of(sighting: Sighting) -> Fate | None:
    """What became of an event that was sent back; None if it is still under way."""
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
    """Those that go first."""

    ids: Sequence[str]
    fates: dict[str, Fate] = field(default_factory=dict)
    #: Why nobody waited for the others; None unless that was so.
    stopped: str | None = None

    @property
    def pending(self) -> list[str]:
        """Those that are still under way."""
        return [name for name in self.ids if name not in self.fates]

    @property
    def failed(self) -> dict[str, Fate]:
        """Those that came to an end, but not to the right one."""
        return {name: fate for name, fate in self.fates.items() if fate.place != "finished"}

    @property
    def succeeded(self) -> bool:
        """Whether the others may follow."""
        return not self.pending and not self.failed

    def document(self) -> dict[str, Any]:
        """What became of them, for machines."""
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
            others: How many were to follow.
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
        return f"convertro {'dead show' if dead else 'show'} {shlex.quote(printable(first))}"


def _end(fate: Fate) -> str:
    words = {
        "dead": "dead again",
        "waiting": "waiting for a retry",
        "unknown": "gone from the journal",
    }
    return f"{words[fate.place]}{f' ({printable(fate.why)})' if fate.why else ''}"


def obstacle(snapshot: Snapshot) -> str | None:
    """Why nothing that is sent back now would be delivered; None if it would."""
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
    """Wait until it is known what became of all, or until waiting is pointless.

    Args:
        journal: Where they are.
        canary: Those that were sent; learns their fates.
        lease_seconds: How long a worker may hold one in vain.
        bar: Shows how many came to an end.
        now: Seconds of a clock that never goes back.
        sleep: Waits for some seconds.
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
