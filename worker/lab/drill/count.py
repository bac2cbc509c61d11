"""Counts what became of every event, from independent records. Pure.

It compares two lists: what `enqueue` acknowledged, and what the sandbox recorded. It trusts no
count that the worker keeps about itself. It asks the journal which events are dead, and where an
event is of which the sandbox has not recorded every call.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from config.settings import Settings
from worker.destination.plan import plan
from worker.destination.wire import event_id_of, idempotency_key
from worker.lab.sandbox.record_file import AcceptedCall

#: The most examples that are named of each kind of error.
_MAX_EXAMPLES = 10

#: What can become of an event that is not a dead letter.
_FATES = ("delivered", "skipped", "undelivered", "lost")

#: Places in the journal of an event that is still to be delivered.
_IN_FLIGHT = frozenset({"due", "claimed", "waiting"})


@dataclass(frozen=True, slots=True)
class _ExpectedCall:
    """A call that an event should lead to."""

    key: str
    #: A digest of its path and body.
    content: bytes
    #: A digest of its path, its order, device or user, and its event type.
    meaning: bytes


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that `enqueue` acknowledged, and what should become of it."""

    event_id: str
    #: When `enqueue` returned, in unix seconds.
    acknowledged_at: float
    calls: tuple[_ExpectedCall, ...] = ()
    #: Whether a rule says that nothing is to be sent for it.
    skipped: bool = False
    #: Whether it cannot be translated, so that it must become a dead letter.
    invalid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillVerdict:
    """What became of the events. The first five numbers add up to `sent`."""

    delivered: int
    skipped: int
    #: The number of dead letters by reason.
    dead: Mapping[str, int]
    #: Events that are still in flight in the journal.
    undelivered: int
    lost: int
    sent: int
    #: Accepted calls that no event should have led to.
    unknown: int
    #: Acceptances beyond the first of a key.
    same_key: int
    #: Further keys under which a call of the same meaning was accepted.
    different_key: int
    #: From `enqueue`'s return until every call of an event was accepted, in seconds, ascending.
    delays: tuple[float, ...]
    #: Some ids or keys by kind of error.
    examples: Mapping[str, tuple[str, ...]]

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost, doubled, unknown or still to be delivered."""
        return not (self.lost or self.undelivered or self.unknown or self.different_key)

    def delay(self, share: float) -> float:
        """The delay that a share of the delivered events did not exceed, in seconds."""
        if not self.delays:
            return 0.0
        return self.delays[min(len(self.delays) - 1, int(share * len(self.delays)))]


def expected(
    event: Mapping[str, Any], event_id: str, acknowledged_at: float, settings: Settings
) -> SentEvent:
    """Plan, as the worker does, what should become of an event."""
    planned = plan(event, settings)
    calls = []
    for call in planned.calls:
        key, body = idempotency_key(event_id, call.name), json.loads(call.body)
        calls.append(_ExpectedCall(key, _digest([call.path, body]), _meaning(call.path, body)))
    return SentEvent(
        event_id=event_id,
        acknowledged_at=acknowledged_at,
        calls=tuple(calls),
        skipped=planned.skipped is not None,
        invalid=planned.invalid is not None,
    )


def _meaning(path: str, body: Mapping[str, Any]) -> bytes:
    """A digest that identifies a call: each event of a drill has its own order, device and user."""
    marker = body.get("event_id") or body.get("device_id") or body.get("user_id")
    return _digest([path, marker, body.get("event_type")])


def _digest(said: Any) -> bytes:
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=12).digest()


@dataclass(slots=True)
class _Arrival:
    """The first acceptance of one key and content."""

    meaning: bytes
    #: When it was accepted first, in unix seconds.
    first_at: float


class Count:
    """Counts events one by one.

    Args:
        record: The calls that the sandbox accepted; read once, line by line.
        dead: The reason of each dead letter in the journal, by id.
        place: Looks up an event's place in the journal, as `Sighting.place` names it.
    """

    def __init__(
        self, record: Iterable[AcceptedCall], dead: Mapping[str, str], place: Callable[[str], str]
    ) -> None:
        self._dead = dead
        self._place = place
        #: Arrivals that no event has explained yet, by key and content.
        self._arrivals: dict[tuple[str, bytes], _Arrival] = {}
        #: The keys under which calls of the same meaning were accepted, by meaning.
        self._keys: dict[bytes, set[str]] = {}
        seen: set[str] = set()
        self._same_key = 0
        for call in record:
            self._same_key += call.key in seen
            seen.add(call.key)
            self._note(call)
        #: The ids of events of which any call was accepted.
        self._sent = {event_id_of(key) for key in seen}
        self._fates: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._delays: list[float] = []
        self._doubled: set[bytes] = set()
        self._different_key = 0
        self._examples: dict[str, list[str]] = {}

    def _note(self, call: AcceptedCall) -> None:
        entry = (call.key, _digest([call.path, call.body]))
        if entry not in self._arrivals:
            meaning = _meaning(call.path, call.body)
            self._arrivals[entry] = _Arrival(meaning, call.received_at)
            self._keys.setdefault(meaning, set()).add(call.key)

    def _take(self, event: SentEvent) -> list[_Arrival | None]:
        """Remove the arrivals that an event explains, one for each call; None if it never came."""
        return [self._arrivals.pop((call.key, call.content), None) for call in event.calls]

    def add(self, event: SentEvent) -> None:
        """Count what became of an event."""
        arrivals = self._take(event)
        self._look_for_doubles(event)
        fate = self._fate(event, arrivals)
        self._fates[fate] += 1
        if fate == "dead":
            self._reasons[self._dead[event.event_id]] += 1
        elif fate == "delivered":
            last_at = max(arrival.first_at for arrival in arrivals if arrival)
            self._delays.append(max(0.0, last_at - event.acknowledged_at))
        elif fate in {"lost", "undelivered"}:
            self._example(fate, event.event_id)

    def excuse(self, event: SentEvent) -> None:
        """Allow the calls of an event that was offered but not acknowledged."""
        self._take(event)

    def _fate(self, event: SentEvent, arrivals: list[_Arrival | None]) -> str:
        if event.event_id in self._dead:
            return "dead"
        if arrivals and all(arrivals):
            return "delivered"
        place = self._place(event.event_id)
        if place in _IN_FLIGHT:
            return "undelivered"
        if event.skipped and place == "finished" and event.event_id not in self._sent:
            return "skipped"
        return "lost"

    def _look_for_doubles(self, event: SentEvent) -> None:
        wanted = Counter(call.meaning for call in event.calls)
        for meaning, number in wanted.items():
            keys = self._keys.get(meaning, set())
            if len(keys) > number:
                self._different_key += len(keys) - number
                self._doubled.add(meaning)
                self._example("different_key", " ".join(sorted(keys)))

    def _example(self, what: str, name: str) -> None:
        named = self._examples.setdefault(what, [])
        if len(named) < _MAX_EXAMPLES:
            named.append(name)

    def verdict(self) -> DrillVerdict:
        """The result, once every event was added."""
        unknown = 0
        for (key, _), arrival in self._arrivals.items():
            if arrival.meaning not in self._doubled:
                unknown += 1
                self._example("unknown", key)
        return DrillVerdict(
            **{fate: self._fates[fate] for fate in _FATES},
            dead=dict(self._reasons.most_common()),
            sent=self._fates.total(),
            unknown=unknown,
            same_key=self._same_key,
            different_key=self._different_key,
            delays=tuple(sorted(self._delays)),
            examples={what: tuple(names) for what, names in self._examples.items()},
        )
