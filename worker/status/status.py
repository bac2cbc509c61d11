"""How things stand, and how they go on: what the journal's figures mean, in sentences. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.settings import Settings
from worker.journal.breaker_state import BreakerState
from worker.journal.snapshot import Memory, Snapshot
from worker.status.wording import clock_time, counted, duration, printable

#: An estimate shorter than this is not worth a line, in seconds.
_SHORT_SECONDS = 5

#: The present rates are those of so many seconds: a burst is soon over.
_RATE_SECONDS = 20

#: Slower is as good as nothing, in events a second.
_LEAST_RATE = 0.1


#: States in which events are delivered as they come.
_WELL = frozenset({"delivering", "idle", "waiting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How long the backlog takes."""

    #: Until nothing is due any more; None if it cannot be told.
    seconds: float | None
    #: Events a second on which that is based.
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The figures of one moment, and what they mean."""

    snapshot: Snapshot
    memory: Memory
    settings: Settings
    #: How many events reach their horizon by `horizon_by_ms`.
    horizon_by: int = 0
    #: Why Redis refuses what workers write, if it does, and what to do.
    refusal: str | None = None

    @property
    def state(self) -> str:
        """A stable name, for scripts: `delivering`, `holding`, …."""
        return _state(self)[0]

    @property
    def sentence(self) -> str:
        """How things stand."""
        return _state(self)[1]

    @property
    def is_well(self) -> bool:
        """Whether events are delivered as they come, or would be."""
        return self.state in _WELL

    @property
    def is_held(self) -> bool:
        """Whether events wait on purpose."""
        snapshot = self.snapshot
        return bool(snapshot.pause) or snapshot.breaker.state is not BreakerState.CLOSED

    @property
    def horizon_first_ms(self) -> int | None:
        """When the first event that was tried reaches its horizon."""
        first = self.snapshot.first_tried_ms
        return None if first is None else first + self.horizon_ms

    @property
    def horizon_ms(self) -> int:
        """The retry horizon in milliseconds."""
        return int(self.settings.retry_horizon_seconds * 1000)

    @property
    def horizon_by_ms(self) -> int | None:
        """The end of the six hours of the day in which that is: 0, 6, 12 or 18 o'clock UTC."""
        if self.horizon_first_ms is None:
            return None
        first = datetime.fromtimestamp(self.horizon_first_ms / 1000, UTC)
        begin = first.replace(hour=first.hour // 6 * 6, minute=0, second=0, microsecond=0)
        return int((begin + timedelta(hours=6)).timestamp() * 1000)


def _state(status: Status) -> tuple[str, str]:
    name, sentence = _deliveries(status)
    if status.memory.is_full and not status.refusal:
        return "redis_full", f"Redis is full: no events are accepted; {sentence}"
    return name, sentence


def _deliveries(status: Status) -> tuple[str, str]:
    """The state of what was accepted."""
    snapshot = status.snapshot
    workers = counted(len(snapshot.workers), "worker")
    waits = _who_waits(snapshot.in_flight)
    if snapshot.pause:
        why = f" ({printable(snapshot.pause.reason)})" if snapshot.pause.reason else ""
        since = clock_time(snapshot.pause.since_ms)
        return "paused", f"paused since {since}{why}: {waits}, {workers}"
    if status.refusal:
        rest = f"; {waits}" if snapshot.in_flight else ""
        return "redis_refuses", f"Redis refuses writes: nothing is accepted or delivered{rest}"
    if not snapshot.workers:
        return "no_worker_is_alive", f"no worker is alive: {waits}"
    if len(snapshot.stuck) == len(snapshot.workers):
        return "stuck", f"stuck: {waits}, and no worker asks for work, {workers}"
    if snapshot.breaker.state is not BreakerState.CLOSED:
        since = clock_time(snapshot.breaker.since_ms or 0)
        return "holding", f"holding since {since}: {snapshot.breaker.why}; {waits}, {workers}"
    return _flow(snapshot, workers)


def _flow(snapshot: Snapshot, workers: str) -> tuple[str, str]:
    """The state while nothing is in the way."""
    later = f"{counted(snapshot.waiting, 'event')} due later"
    rate = snapshot.recent.per_second(("delivered",), _RATE_SECONDS)
    if rate >= _LEAST_RATE and not snapshot.due_now:
        rest = later if snapshot.waiting else "nothing is due"
        return "delivering", f"delivering: {rate:,.1f} events a second, {rest}, {workers}"
    if snapshot.due_now or snapshot.claimed:
        claimed = f", {snapshot.claimed:,} claimed" if snapshot.claimed else ""
        due = counted(snapshot.due_now, "event")
        return "delivering", f"delivering: {due} due{claimed}, {workers}"
    if snapshot.waiting:
        return "waiting", f"waiting: {later}, {workers}"
    return "idle", f"idle: nothing is due, {workers}"


def _who_waits(events: int) -> str:
    if not events:
        return "nothing waits"
    return f"{counted(events, 'event')} {'waits' if events == 1 else 'wait'}"


def drain(status: Status) -> Drain:
    """How long the backlog takes: at the present rate, or at the fastest seen if it is held."""
    snapshot = status.snapshot
    if status.is_held or not snapshot.workers:
        rate = snapshot.fastest_per_second
        if bound := status.settings.max_requests_per_second:
            rate = min(rate, bound)
        return Drain(seconds=snapshot.in_flight / rate if rate else None, rate=rate)
    out = snapshot.recent.per_second(("delivered", "skipped", "dead"), _RATE_SECONDS)
    rate = out - snapshot.recent.per_second(("accepted", "redriven"), _RATE_SECONDS)
    return Drain(seconds=snapshot.due_now / rate if rate > 0 else None, rate=rate)


def outlook(status: Status) -> Iterator[str]:
    """How it goes on, in sentences: the outage countdown and the drain estimate."""
    if status.is_held or status.snapshot.tried:
        yield from _countdown(status)
    yield from _drain_words(status)


def _countdown(status: Status) -> Iterator[str]:
    snapshot = status.snapshot
    first_ms, by_ms = status.horizon_first_ms, status.horizon_by_ms
    if first_ms is None or by_ms is None:
        if snapshot.in_flight:
            yield "if it stays so, no event's retries end: none was tried yet"
        return
    condition = "if it stays so" if status.is_held else "of those that were tried"
    when = f"{clock_time(first_ms)[:16]} UTC"
    by = f"{status.horizon_by:,} of {snapshot.tried:,} by {clock_time(by_ms)[11:16]}"
    after = "; each has one more try after the hold" if status.is_held else ""
    yield f"{condition}, the first event's retries end {when}, {by}{after}"


def _drain_words(status: Status) -> Iterator[str]:
    snapshot = status.snapshot
    left = drain(status)
    seconds, rate = left.seconds, left.rate
    if status.is_held or not snapshot.workers:
        if snapshot.in_flight and seconds is None:
            yield "how long the backlog takes cannot be told: nothing was delivered yet"
        elif snapshot.in_flight and seconds is not None:
            yield (
                "once it goes on, the backlog is clear in about "
                f"{duration(max(1, seconds))}, at the best rate so far ({rate:,.1f} a second)"
            )
    elif snapshot.due_now and seconds is None and rate <= -_LEAST_RATE:
        yield f"the backlog grows by {-rate:,.1f} events a second: more comes in than goes out"
    elif snapshot.due_now and seconds is not None and seconds >= _SHORT_SECONDS:
        yield f"clear in about {duration(seconds)} at the current rate"
