"""The journal's looks: they read it and change nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from redis.exceptions import ResponseError

from convertro.errors import JournalUnavailable
from convertro.intake_journal import IntakeJournal
from worker.journal.endings import Ending, find_ending
from worker.journal.records import Record, SentCall, read_record
from worker.journal.snapshot import Memory, Recent, Snapshot

_Row = TypeVar("_Row")

#: The scripts of all steps and looks except accept, which is in the client.
LUA = Path(__file__).parent / "lua"

#: Events read in one round trip. Each takes Redis some 10 µs, in which it does nothing else.
PAGE = 100

#: Events that an audit checks in one step, at some 50 µs each.
CHECKED_AT_ONCE = 40

#: List entries of endings read in one round trip, the latest first, at some 100 µs; each entry has
#: the endings of one step.
_ENDINGS_AT_ONCE = 1000

#: Past slots of counts read in one round trip, at some 20 µs each.
_SLOTS_AT_ONCE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where one event is."""

    #: `due`, `claimed`, `waiting`, `dead`, `finished` or `unknown`.
    place: str
    #: When it may be claimed, or when it died; unix milliseconds.
    at_ms: int | None = None
    record: Record | None = None
    raw: bytes | None = None
    #: The dedupe generation in which it finished: its number, and when it began.
    window: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter, without its event's content."""

    event_id: str
    died_at_ms: int
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An event that is due, claimed or waiting."""

    event_id: str
    #: When it may be claimed, or when its lease ends if it is claimed; unix milliseconds.
    due_at_ms: int
    is_claimed: bool
    record: Record
    raw: bytes


class ReadableJournal(IntakeJournal):
    """The journal with all looks, without the steps of workers and operators.

    Every method raises `JournalUnavailable` if Redis does not answer.
    """

    def look(self, event_id: str) -> Sighting:
        """Find one event."""
        place, at, record, raw, window = self._run("look", {"id": event_id})
        return Sighting(
            place=place.decode(),
            at_ms=int(float(at)) if at else None,
            record=read_record(record) if record else None,
            raw=raw or None,
            window=tuple(window) or None,
        )

    def ending(self, event_id: str, finished: Sighting) -> Ending | None:
        """Find how an event finished; None if its worker was of a version that did not store this.

        Args:
            event_id: The event's id.
            finished: What `look` returned for it.
        """
        if finished.window is None:
            return None
        generation, began_ms = finished.window
        key = f"{self._key('endings:')}{generation}"
        upper = self._call(self._redis.llen, key)
        while upper > 0:
            lower = max(0, upper - _ENDINGS_AT_ONCE)
            noted = b"".join(self._call(self._redis.lrange, key, lower, upper - 1))
            if ending := find_ending(event_id, noted, began_ms):
                return ending
            upper = lower
        return None

    def dead_letters(self, since_ms: int = 0, *, newest: bool = False) -> Iterator[DeadLetter]:
        """List the dead letters, oldest first, without those that die after the call.

        Args:
            since_ms: Only those that died at this time or later.
            newest: Newest first instead.
        """
        until_ms = self.snapshot().now_ms
        for page in self._by_score("dead", since_ms, until_ms, newest=newest):
            ids = [event_id for event_id, _ in page]
            records = self._call(self._redis.hmget, self._key("progress"), ids)
            for (event_id, died_at), record in zip(page, records, strict=True):
                if record is not None:
                    yield DeadLetter(
                        event_id=event_id.decode(),
                        died_at_ms=int(died_at),
                        record=read_record(record),
                    )

    def unfinished(self, *, newest: bool = False) -> Iterator[Unfinished]:
        """List the events that are due, claimed or waiting, in the order of their due times.

        Args:
            newest: In the opposite order instead.
        """
        told: set[bytes] = set()
        for page in self._by_score("due", 0, float("inf"), newest=newest):
            # An event that is postponed meanwhile comes a second time.
            fresh = [(event_id, due) for event_id, due in page if event_id not in told]
            told.update(event_id for event_id, _ in fresh)
            yield from self._unfinished(fresh)

    def _unfinished(self, page: Sequence[tuple[bytes, float]]) -> Iterator[Unfinished]:
        """Read a page of events; those that have left the journal meanwhile are left out."""
        if not page:
            return
        ids = [event_id for event_id, _ in page]
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zmscore(self._key("claimed"), [event_id.decode() for event_id in ids])
        pipeline.hmget(self._key("progress"), ids)
        pipeline.hmget(self._key("events"), ids)
        columns = zip(page, *self._call(pipeline.execute), strict=True)
        for (event_id, due), lease_ends, record, raw in columns:
            if raw is not None:
                known = read_record(record) if record else Record(accepted_at_ms=int(due))
                yield Unfinished(
                    event_id=event_id.decode(),
                    due_at_ms=int(due),
                    is_claimed=lease_ends is not None,
                    record=known,
                    raw=raw,
                )

    def _by_score(
        self, key: str, low: float, high: float, *, newest: bool
    ) -> Iterator[list[tuple[bytes, float]]]:
        """Read the members of a sorted set with their scores, in pages.

        Each page begins at the score where the last one ended, so members may be removed meanwhile.
        """
        seen: set[bytes] = set()
        while True:
            found = self._call(
                self._redis.zrange,
                self._key(key),
                high if newest else low,
                low if newest else high,
                desc=newest,
                byscore=True,
                offset=0,
                num=PAGE + len(seen),
                withscores=True,
            )
            page = [(member, score) for member, score in found if member not in seen]
            if not page:
                return
            yield page
            edge, last = high if newest else low, page[-1][1]
            at_the_edge = {member for member, score in page if score == last}
            seen = at_the_edge | (seen if last == edge else set())
            low, high = (low, last) if newest else (last, high)

    def sent_calls(self, ids: Sequence[str]) -> list[SentCall | None]:
        """Get the call that failed last of each dead letter, as it was sent; None if unknown."""
        stored = self._values("sent", ids)
        return [msgspec.json.decode(text, type=SentCall) if text else None for text in stored]

    def tried_before(self, at_ms: int) -> int:
        """Count the unfinished events whose first attempt was before a time."""
        return int(self._call(self._redis.zcount, self._key("tried"), "-inf", f"({at_ms}"))

    def all_raw_events(self) -> Iterator[tuple[str, bytes]]:
        """Read every event with its id, in no order; an event may come twice."""
        for event_id, raw in self._rows(self._redis.hscan_iter(self._key("events"), count=PAGE)):
            yield event_id.decode(), raw

    def memory(self) -> Memory | None:
        """Read how full Redis is; None if INFO is forbidden, disabled or without that."""
        try:
            facts = self._call(self._redis.info, "memory")
        except JournalUnavailable as unavailable:
            if isinstance(unavailable.__cause__, ResponseError):
                return None
            raise
        if "used_memory" not in facts:
            return None
        return Memory(used=int(facts["used_memory"]), bound=int(facts.get("maxmemory", 0)))

    def raw_events(self, ids: Sequence[str]) -> list[bytes | None]:
        """Read raw events by their ids; None for an event that is not in the journal."""
        return self._values("events", ids)

    def _values(self, key: str, ids: Sequence[str]) -> list[bytes | None]:
        """Read the values of a hash for some ids; HMGET without ids would be an error."""
        return list(self._call(self._redis.hmget, self._key(key), list(ids))) if ids else []

    def snapshot(self, *, recent: bool = False) -> Snapshot:
        """Read all figures of the journal at one instant.

        Args:
            recent: Also read, just after that, the counts of each slot of the last 15 minutes.
        """
        snapshot = Snapshot.from_answer(self._run("snapshot", {}))
        return replace(snapshot, recent=self._recent(snapshot)) if recent else snapshot

    def _recent(self, snapshot: Snapshot) -> Recent:
        now_ms = snapshot.now_ms
        slots: dict[int, Mapping[str, int]] = {}
        for numbers in _grouped(Recent.slots_at(now_ms), _SLOTS_AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for number in numbers:
                pipeline.hgetall(f"{self._key('recent:')}{number}")
            for number, counted in zip(numbers, self._call(pipeline.execute), strict=True):
                slots[number] = {name.decode(): int(amount) for name, amount in counted.items()}
        return Recent(now_ms, {**slots, **snapshot.recent.slots})

    def inspect(self) -> Iterator[tuple[str, str]]:
        """Check every event; yield the id of each that is wrong, and what is wrong with it."""
        for page in self._pages():
            for event_id, problem in zip(page, self.problems_of(page), strict=True):
                if problem:
                    yield event_id, problem

    def problems_of(self, ids: Sequence[str]) -> list[str]:
        """Say what is wrong with each of some events, at one instant; empty if nothing is."""
        return [problem.decode() for problem in self._run("inspect", {"ids": list(ids)})]

    def _pages(self) -> Iterator[list[str]]:
        """Read every id in every key, a page at a time; an id may come more than once."""
        scans: tuple[Iterable[Any], ...] = (
            self._redis.zscan_iter(self._key("due"), count=PAGE),
            self._redis.zscan_iter(self._key("dead"), count=PAGE),
            self._redis.zscan_iter(self._key("worth"), count=PAGE),
            self._redis.zscan_iter(self._key("claimed"), count=PAGE),
            self._redis.zscan_iter(self._key("tried"), count=PAGE),
            self._redis.hscan_iter(self._key("progress"), count=PAGE),
            self._redis.hscan_iter(self._key("sent"), count=PAGE),
            self._redis.hscan_iter(self._key("events"), count=PAGE),
        )
        for scan in scans:
            yield from _grouped((row[0].decode() for row in self._rows(scan)), CHECKED_AT_ONCE)

    def _rows(self, scan: Iterable[Any]) -> Iterator[Any]:
        """Iterate over a scan, with Redis's errors translated as those of other commands are."""
        rows = iter(scan)
        while (row := self._call(next, rows, None)) is not None:
            yield row


def _grouped(rows: Iterable[_Row], size: int) -> Iterator[list[_Row]]:
    rest = iter(rows)
    while page := list(islice(rest, size)):
        yield page
