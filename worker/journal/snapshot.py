"""The journal at one instant, and what was counted in its last quarter of an hour. Pure values.

Times are unix milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from convertro.intake_journal import FULL_SHARE, SLOT_MS, SLOTS, WORKER_TTL_MS
from worker.journal.breaker_state import Breaker, BreakerState, Pause
from worker.journal.histogram import Histogram

#: Who does not ask for so long, while work waits, is stuck. A deliver task asks at least every
#: half second, and a lost wake-up is rung again after five.
STUCK_MS = 30_000

#: Counters that hold durations by bucket: from acceptance to delivery, and of one request.
DELIVERED_IN = "delivered_in"
REQUEST_TOOK = "request_took"
_HISTOGRAMS = (DELIVERED_IN, REQUEST_TOOK)


@dataclass(frozen=True, slots=True)
class Recent:
    """What was counted lately, by the slot of ten seconds in which it was."""

    now_ms: int
    slots: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @staticmethod
    def slots_at(now_ms: int) -> range:
        """The slots that are kept at a time."""
        current = now_ms // SLOT_MS
        return range(current - SLOTS, current + 1)

    def _numbers(self, seconds: int) -> range:
        """The slots that cover so many seconds, and the one that is under way."""
        current = self.now_ms // SLOT_MS
        return range(current - seconds * 1000 // SLOT_MS, current + 1)

    def counters(self, seconds: int) -> dict[str, int]:
        """What was counted in the last seconds, at most 900."""
        total: dict[str, int] = {}
        for number in self._numbers(seconds):
            for name, amount in self.slots.get(number, {}).items():
                total[name] = total.get(name, 0) + amount
        return total

    def per_second(self, kinds: Iterable[str], seconds: int) -> float:
        """The rate of some counters, alone or with a reason, over the last seconds."""
        counters = self.counters(seconds)
        number = sum(total_of(counters, kind) for kind in kinds)
        return number * 1000 / (seconds * 1000 + self.now_ms % SLOT_MS)

    def histogram(self, name: str, seconds: int) -> Histogram:
        """Durations of the last seconds."""
        return Histogram.from_counters(self.counters(seconds), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """A worker that is alive, or that ended without saying so."""

    #: `node name/process id and chance`.
    name: str
    #: How many deliver tasks it runs at once.
    capacity: int
    ticked_ms: int
    #: When one of its processes last asked the journal for work; None if it never did.
    asked_ms: int | None = None

    @property
    def node(self) -> str:
        """Celery's name for it, such as `celery@host`."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What was last seen to work, and to fail."""

    delivered_ms: int | None = None
    failed_ms: int | None = None
    failed_class: str | None = None
    #: `http_503`, `read_timeout`.
    failed_detail: str | None = None
    #: Most events delivered within ten seconds, in the last week or two.
    fastest: int = 0
    #: When a dead letter that may have brought money was last removed by a bound.
    revenue_removed_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How full Redis is, in bytes."""

    used: int
    #: `maxmemory`; 0 for no bound.
    bound: int

    @property
    def share(self) -> float:
        """The share of the bound that is used; 0 without a bound."""
        return self.used / self.bound if self.bound else 0.0

    @property
    def is_full(self) -> bool:
        """Whether events are refused."""
        return self.share > FULL_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The journal at one instant."""

    now_ms: int
    #: What was counted so far, but for durations.
    counters: Mapping[str, int]
    #: Durations so far: `DELIVERED_IN` and `REQUEST_TOOK`.
    histograms: Mapping[str, Histogram]
    latest: Latest
    #: Events that may be claimed now.
    due_now: int
    #: Events that a worker holds.
    claimed: int
    #: Events that wait for a later time.
    waiting: int
    #: Due time of the event that is first in line; None if there is none.
    first_due_ms: int | None
    #: Events that failed and are due again, or will be, and the first attempt of the one that
    #: was tried first; its retry horizon counts from there.
    tried: int
    first_tried_ms: int | None
    dead: int
    #: Dead letters by reason and status of the last answer.
    deaths: Mapping[tuple[str, int | None], int]
    #: Dead letters that may have been delivered.
    dead_in_doubt: int
    #: Bytes of their events and records.
    dead_bytes: int
    #: Dead letters that are in the order of their worth; as many as are dead.
    valued: int
    #: Entries in `events`.
    stored: int
    wakeups: int
    #: Workers that are alive.
    workers: tuple[SeenWorker, ...]
    #: Workers that went silent, and whose place nobody took.
    silent: tuple[SeenWorker, ...]
    #: Finished ids that are remembered for deduplication.
    remembered: int
    #: For how long each is at least, as the workers say.
    dedupe_seconds: int
    #: What was counted in the last quarter of an hour, if that was asked for.
    recent: Recent
    breaker: Breaker = field(default_factory=Breaker)
    #: Events that one deliver task takes, by the worker that started last; 0 before the first.
    batch: int = 0
    #: None unless an operator holds delivery.
    pause: Pause | None = None
    #: How long a worker may keep an event, likewise. Older workers do not say it; they take one
    #: that went silent off the list after that time by themselves.
    lease_ms: float = inf

    @classmethod
    def from_answer(cls, flat: Sequence[Any]) -> Self:
        """Read what the script `snapshot.lua` answers; of the recent past it has the last slot."""
        answer = {name.decode(): value for name, value in _pairs(flat)}
        now_ms = answer["now"]
        counters = _numbers(answer["counters"])
        deaths = _numbers(answer["deaths"])
        workers = tuple(_workers(answer))
        return cls(
            now_ms=now_ms,
            counters=_without_histograms(counters),
            histograms={name: Histogram.from_counters(counters, name) for name in _HISTOGRAMS},
            recent=Recent(now_ms, _last_slot(answer["slot"], counters, _numbers(answer["totals"]))),
            latest=_latest(answer["latest"]),
            due_now=answer["due_now"],
            claimed=answer["claimed"],
            waiting=answer["unfinished"] - answer["due_now"] - answer["claimed"],
            first_due_ms=_time_or_none(answer["first_due"]),
            tried=answer["tried"],
            first_tried_ms=_time_or_none(answer["first_tried"]),
            dead=answer["dead"],
            dead_in_doubt=deaths.pop("in_doubt", 0),
            dead_bytes=deaths.pop("bytes", 0),
            valued=answer["valued"],
            deaths={_kind_of_death(field): number for field, number in deaths.items()},
            stored=answer["stored"],
            wakeups=answer["wakeups"],
            # A clock that was set back makes nobody alive for longer than a tick may take.
            workers=tuple(w for w in workers if 0 <= now_ms - w.ticked_ms <= WORKER_TTL_MS),
            silent=tuple(w for w in workers if not 0 <= now_ms - w.ticked_ms <= WORKER_TTL_MS),
            remembered=answer["remembered"],
            dedupe_seconds=answer["window"] // 1000,
            breaker=Breaker.from_fields(answer["breaker"], now_ms),
            batch=int(answer["batch"] or 0),
            pause=Pause.from_json(answer["pause"]),
            lease_ms=float(answer["lease"] or inf),
        )

    @property
    def lately_silent(self) -> tuple[SeenWorker, ...]:
        """Silent workers that may hold events still: for a lease, or while no other is alive."""
        if not self.workers:
            return self.silent
        since_ms = self.now_ms - WORKER_TTL_MS - self.lease_ms
        return tuple(worker for worker in self.silent if worker.ticked_ms >= since_ms)

    @property
    def all_alive(self) -> bool:
        """Whether there are workers, none stuck or lately silent; each sign of life is a write."""
        return bool(self.workers) and not self.lately_silent and not self.stuck

    @property
    def never_used(self) -> bool:
        """Whether nothing was ever accepted here and no worker ever started."""
        return not (self.counters or self.stored or self.batch)

    @property
    def in_flight(self) -> int:
        """Events that are due, waiting or claimed."""
        return self.due_now + self.waiting + self.claimed

    def seconds_since(self, then_ms: int | None) -> float:
        """How long ago a time was; 0 if it is yet to come, or never was."""
        return 0.0 if then_ms is None else max(0, self.now_ms - then_ms) / 1000

    def total(self, kind: str) -> int:
        """The sum of all counters of a kind, such as `skipped`."""
        return total_of(self.counters, kind)

    @property
    def fastest_per_second(self) -> float:
        """The pace of the fastest ten seconds of the last week or two, in deliveries a second."""
        lately = (slot.get("delivered", 0) for slot in self.recent.slots.values())
        return max(self.latest.fastest, *lately, 0) * 1000 / SLOT_MS

    @property
    def work_waits_since_ms(self) -> int | None:
        """Since when a worker should have claimed something; None if nobody need."""
        if self.pause or not self.due_now or self.first_due_ms is None:
            return None
        if self.breaker.state is BreakerState.HALF_OPEN:
            return None
        return max(self.first_due_ms, self.breaker.probe_at_ms or 0)

    @property
    def stuck(self) -> tuple[SeenWorker, ...]:
        """Workers that are alive and do not ask for work, although some waits."""
        since_ms = self.work_waits_since_ms
        if since_ms is None or self.now_ms - since_ms < STUCK_MS:
            return ()
        idle = tuple(
            worker
            for worker in self.workers
            if worker.asked_ms is not None and self.now_ms - worker.asked_ms >= STUCK_MS
        )
        capacity = sum(worker.capacity for worker in self.workers)
        needs_all = self.due_now > self.batch * capacity and not self.breaker.cause
        return idle if needs_all or len(idle) == len(self.workers) else ()

    @property
    def dead_by_reason(self) -> dict[str, int]:
        """Dead letters by reason, most of them first."""
        by_reason: dict[str, int] = {}
        for (reason, _), number in self.deaths.items():
            by_reason[reason] = by_reason.get(reason, 0) + number
        return dict(sorted(by_reason.items(), key=lambda item: -item[1]))

    @property
    def unaccounted(self) -> int:
        """Accepted events that are nowhere; 0 unless the journal was tampered with."""
        gone = self.total("delivered") + self.total("skipped") + self.total("discarded")
        return self.total("accepted") - gone - self.in_flight - self.dead


def total_of(counters: Mapping[str, int], kind: str) -> int:
    """The sum of the counters `<kind>` and `<kind>:<reason>`."""
    return sum(
        amount for name, amount in counters.items() if name == kind or name.startswith(f"{kind}:")
    )


def _pairs(flat: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _numbers(flat: Sequence[bytes]) -> dict[str, int]:
    return {name.decode(): int(number) for name, number in _pairs(flat)}


def _last_slot(
    slot: bytes, counters: Mapping[str, int], totals: Mapping[str, int]
) -> dict[int, dict[str, int]]:
    """What was counted in the slot in which something was counted last, by its number."""
    if not slot:
        return {}
    differences = {name: number - totals.get(name, 0) for name, number in counters.items()}
    return {int(slot): {name: number for name, number in differences.items() if number > 0}}


def _without_histograms(counters: Mapping[str, int]) -> dict[str, int]:
    return {
        name: number
        for name, number in counters.items()
        if name.partition(":")[0] not in _HISTOGRAMS
    }


def _time_or_none(score: bytes) -> int | None:
    return int(float(score)) if score else None


def _kind_of_death(field_name: str) -> tuple[str, int | None]:
    reason, blank, status = field_name.rpartition(" ")
    return (reason, int(status)) if blank and status.isdigit() else (field_name, None)


def _workers(answer: Mapping[str, Any]) -> Iterable[SeenWorker]:
    asked = {name.decode(): int(float(at)) for name, at in _pairs(answer["asked"])}
    for member, until in _pairs(answer["workers"]):
        capacity, _, name = member.decode().partition(" ")
        yield SeenWorker(
            name=name,
            capacity=int(capacity),
            ticked_ms=int(float(until)) - WORKER_TTL_MS,
            asked_ms=asked.get(name),
        )


def _latest(flat: Sequence[bytes]) -> Latest:
    stored = {name.decode(): value.decode() for name, value in _pairs(flat)}

    def time(name: str) -> int | None:
        return int(stored[name]) if name in stored else None

    return Latest(
        delivered_ms=time("delivered_at"),
        failed_ms=time("failed_at"),
        failed_class=stored.get("failed_class"),
        failed_detail=stored.get("failed_detail"),
        fastest=max(int(stored.get("fastest", 0)), int(stored.get("fastest_last", 0))),
        revenue_removed_ms=time("revenue_removed_at"),
    )
