"""The journal's figures at one instant, and its counts of the last 15 minutes. Pure values.

Times are unix milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from convertro.intake_journal import FULL_SHARE, SLOT_MS, SLOTS, WORKER_TTL_MS
from worker.journal.breaker_state import Breaker, BreakerState, Pause
from worker.journal.histogram import Histogram

#: How long a worker may ask for no work, while events are due, before it counts as stuck. A deliver
#: task asks at least every half second, and a lost wake-up is sent again after five seconds.
STUCK_MS = 30_000

#: Counters of durations by bucket: from acceptance to delivery, and of one request.
DELIVERED_IN = "delivered_in"
REQUEST_TOOK = "request_took"
_HISTOGRAMS = (DELIVERED_IN, REQUEST_TOOK)


@dataclass(frozen=True, slots=True)
class Recent:
    """The recent counts, by slots of ten seconds."""

    now_ms: int
    slots: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @staticmethod
    def slots_at(now_ms: int) -> range:
        """Give the numbers of the slots that the journal keeps at a time."""
        current = now_ms // SLOT_MS
        return range(current - SLOTS, current + 1)

    def _numbers(self, seconds: int) -> range:
        """Give the numbers of the slots that cover the last seconds, with the current slot."""
        current = self.now_ms // SLOT_MS
        return range(current - seconds * 1000 // SLOT_MS, current + 1)

    def counters(self, seconds: int) -> dict[str, int]:
        """Sum the counts of the last seconds, at most 900."""
        total: dict[str, int] = {}
        for number in self._numbers(seconds):
            for name, amount in self.slots.get(number, {}).items():
                total[name] = total.get(name, 0) + amount
        return total

    def per_second(self, kinds: Iterable[str], seconds: int) -> float:
        """Compute the rate of some kinds of counters, over all reasons, in the last seconds."""
        counters = self.counters(seconds)
        number = sum(total_of(counters, kind) for kind in kinds)
        return number * 1000 / (seconds * 1000 + self.now_ms % SLOT_MS)

    def histogram(self, name: str, seconds: int) -> Histogram:
        """Get a histogram of the durations of the last seconds."""
        return Histogram.from_counters(self.counters(seconds), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """A worker that is alive or silent."""

    #: Its node name, `/`, its process id and a random part.
    name: str
    #: How many deliver tasks it runs at once.
    capacity: int
    ticked_ms: int
    #: When one of its processes last asked the journal for work; None if it never did.
    asked_ms: int | None = None

    @property
    def node(self) -> str:
        """The worker's node name, such as `celery@host`."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """When something last worked or failed."""

    delivered_ms: int | None = None
    failed_ms: int | None = None
    failed_class: str | None = None
    #: `http_503`, `read_timeout`.
    failed_detail: str | None = None
    #: Most events delivered within ten seconds, in the last week or two.
    fastest: int = 0
    #: When a dead letter that may bear revenue was last removed by a bound.
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
        """Whether Redis is so full that the journal accepts no event."""
        return self.share > FULL_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The journal at one instant."""

    now_ms: int
    #: All counts since the journal began, except durations.
    counters: Mapping[str, int]
    #: All durations since the journal began: `DELIVERED_IN` and `REQUEST_TOOK`.
    histograms: Mapping[str, Histogram]
    latest: Latest
    #: Events that may be claimed now.
    due_now: int
    #: Events that a worker has claimed.
    claimed: int
    #: Events that are due later.
    waiting: int
    #: The earliest due time of all events; None if there is none.
    first_due_ms: int | None
    #: Number of unfinished events that failed, and the time of the earliest first attempt among
    #: them, from which that event's retry horizon counts.
    tried: int
    first_tried_ms: int | None
    dead: int
    #: Dead letters by reason and status of the last answer.
    deaths: Mapping[tuple[str, int | None], int]
    #: Dead letters that may have been delivered.
    dead_in_doubt: int
    #: Bytes of the events and records of all dead letters.
    dead_bytes: int
    #: Dead letters sorted by worth; must equal `dead`.
    valued: int
    #: Entries in the key `events`.
    stored: int
    wakeups: int
    #: Workers that are alive.
    workers: tuple[SeenWorker, ...]
    #: Workers that went silent and were not replaced by another of the same node name.
    silent: tuple[SeenWorker, ...]
    #: Finished ids that are remembered for deduplication.
    remembered: int
    #: The dedupe window, as the workers set it.
    dedupe_seconds: int
    #: The counts of the last 15 minutes if they were asked for, else of the last slot alone.
    recent: Recent
    breaker: Breaker = field(default_factory=Breaker)
    #: Events of one deliver task, by the worker that started last; 0 before the first worker.
    batch: int = 0
    #: None unless an operator pauses delivery.
    pause: Pause | None = None
    #: The lease of the worker that started last. Older workers do not store it; they remove a
    #: silent worker from the list after their lease themselves.
    lease_ms: float = inf

    @classmethod
    def from_answer(cls, flat: Sequence[Any]) -> Self:
        """Read the answer of `snapshot.lua`, which has the counts of only the last slot."""
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
            # A worker whose tick is in the future, as Redis's clock was set back, counts as silent.
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
        """Silent workers that may still hold events: for one lease, or until another is alive."""
        if not self.workers:
            return self.silent
        since_ms = self.now_ms - WORKER_TTL_MS - self.lease_ms
        return tuple(worker for worker in self.silent if worker.ticked_ms >= since_ms)

    @property
    def all_alive(self) -> bool:
        """Whether there are workers, none stuck or lately silent; their ticks prove writes work."""
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
        """Compute how many seconds ago a time was; 0 for None and for a time in the future."""
        return 0.0 if then_ms is None else max(0, self.now_ms - then_ms) / 1000

    def total(self, kind: str) -> int:
        """Sum all counters of a kind, such as `skipped`."""
        return total_of(self.counters, kind)

    @property
    def fastest_per_second(self) -> float:
        """The rate in the fastest ten seconds of the last week or two, in deliveries a second."""
        lately = (slot.get("delivered", 0) for slot in self.recent.slots.values())
        return max(self.latest.fastest, *lately, 0) * 1000 / SLOT_MS

    @property
    def work_waits_since_ms(self) -> int | None:
        """Since when a worker should have claimed something; None if no event may be claimed."""
        if self.pause or not self.due_now or self.first_due_ms is None:
            return None
        if self.breaker.state is BreakerState.HALF_OPEN:
            return None
        return max(self.first_due_ms, self.breaker.probe_at_ms or 0)

    @property
    def stuck(self) -> tuple[SeenWorker, ...]:
        """Workers that are alive and do not ask for work, although events are due."""
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
        """Numbers of dead letters by reason, the largest first."""
        by_reason: dict[str, int] = {}
        for (reason, _), number in self.deaths.items():
            by_reason[reason] = by_reason.get(reason, 0) + number
        return dict(sorted(by_reason.items(), key=lambda item: -item[1]))

    @property
    def unaccounted(self) -> int:
        """Number of accepted events that are missing; 0 unless the journal was tampered with."""
        gone = self.total("delivered") + self.total("skipped") + self.total("discarded")
        return self.total("accepted") - gone - self.in_flight - self.dead


def total_of(counters: Mapping[str, int], kind: str) -> int:
    """Sum the counters `<kind>` and `<kind>:<reason>`."""
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
    """Compute the counts of the slot in which anything was counted last, by its number."""
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
