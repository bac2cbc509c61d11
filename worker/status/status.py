"""What the journal's figures mean, in sentences: the state, and how it goes on. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.printable import printable
from config.settings import Settings
from worker.journal.breaker_state import BreakerState
from worker.journal.snapshot import Memory, Snapshot
from worker.status.wording import clock_time, counted, duration

#: The shortest drain estimate that is shown, in seconds.
_SHORT_SECONDS = 5

#: The span over which the present rates are measured, in seconds: short, as a burst is soon over.
_RATE_SECONDS = 20

#: A rate below this counts as none, in events a second.
_LEAST_RATE = 0.1

#: The share of the best rate that intake must leave for a drain estimate. With less left, the
#: estimate would be noise.
_LEAST_SHARE = 0.25

#: Due events are a backlog if they are more than intake brings in this span, in seconds.
_BACKLOG_SECONDS = 10

#: How far ahead the end of retries is shown, in milliseconds.
_NEAR_MS = 12 * 3_600_000

#: States in which events are delivered as they come.
_WELL = frozenset({"delivering", "idle", "waiting"})

#: States among those in which there is nothing to deliver now.
_CALM = frozenset({"idle", "waiting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How long it takes to deliver the backlog."""

    #: Until no event is due; None if it cannot be estimated.
    seconds: float | None
    #: How many events a second the backlog shrinks by.
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The figures of one moment, and what they mean."""

    snapshot: Snapshot
    #: None if Redis does not answer INFO.
    memory: Memory | None
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
        """The state in a sentence."""
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
        """When the event that was tried first reaches its horizon."""
        first = self.snapshot.first_tried_ms
        return None if first is None else first + self.horizon_ms

    @property
    def horizon_ms(self) -> int:
        """The retry horizon in milliseconds."""
        return int(self.settings.retry_horizon_seconds * 1000)

    @property
    def horizon_by_ms(self) -> int | None:
        """`horizon_first_ms` rounded up to the next 0, 6, 12 or 18 o'clock UTC."""
        if self.horizon_first_ms is None:
            return None
        first = datetime.fromtimestamp(self.horizon_first_ms / 1000, UTC)
        begin = first.replace(hour=first.hour // 6 * 6, minute=0, second=0, microsecond=0)
        return int((begin + timedelta(hours=6)).timestamp() * 1000)


def _state(status: Status) -> tuple[str, str]:
    name, sentence = _deliveries(status)
    if status.memory and status.memory.is_full and not status.refusal:
        rest = "" if name in _CALM else f"; {sentence}"
        return "redis_full", f"Redis is full: no events are accepted{rest}"
    return name, sentence


def _deliveries(status: Status) -> tuple[str, str]:
    """The state of deliveries."""
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
    """The state while nothing keeps workers from delivering."""
    later = f"{counted(snapshot.waiting, 'event')} due later"
    ending = f"{_failed_once(snapshot.tried)}, {workers}"
    rate = snapshot.recent.per_second(("delivered",), _RATE_SECONDS)
    if rate >= _LEAST_RATE and not snapshot.due_now:
        rest = later if snapshot.waiting else "nothing is due"
        return "delivering", f"delivering: {rate:,.1f} events a second, {rest}{ending}"
    if snapshot.due_now or snapshot.claimed:
        claimed = f", {snapshot.claimed:,} claimed" if snapshot.claimed else ""
        due = counted(snapshot.due_now, "event")
        return "delivering", f"delivering: {due} due{claimed}{ending}"
    if snapshot.waiting:
        return "waiting", f"waiting: {later}{ending}"
    return "idle", f"idle: nothing is due, {workers}"


def _failed_once(events: int) -> str:
    return f", {events:,} failed at least once" if events else ""


def _who_waits(events: int) -> str:
    if not events:
        return "nothing waits"
    return f"{counted(events, 'event')} {'waits' if events == 1 else 'wait'}"


def drain(status: Status) -> Drain:
    """Estimate how long the backlog takes.

    It shrinks by the rate of finished events less that of new ones. While no event is delivered
    the best rate so far stands in for the first.
    """
    snapshot = status.snapshot
    if status.is_held or not snapshot.workers:
        best = _best_rate(status)
        rate = best - _intake(snapshot)
        is_useful = best > 0 and rate >= _LEAST_SHARE * best
        return Drain(seconds=snapshot.in_flight / rate if is_useful else None, rate=rate)
    out = snapshot.recent.per_second(("delivered", "skipped", "dead"), _RATE_SECONDS)
    rate = out - _intake(snapshot)
    return Drain(seconds=snapshot.due_now / rate if rate > 0 else None, rate=rate)


def _intake(snapshot: Snapshot) -> float:
    return snapshot.recent.per_second(("accepted", "redriven"), _RATE_SECONDS)


def _best_rate(status: Status) -> float:
    rate = status.snapshot.fastest_per_second
    bound = status.settings.max_requests_per_second
    return min(rate, bound) if bound else rate


def outlook(status: Status) -> Iterator[str]:
    """Say in sentences when retries end, if soon, and how long the backlog takes."""
    yield from _countdown(status)
    if status.is_held or not status.snapshot.workers:
        yield from _drain_later(status)
    else:
        yield from _drain_now(status)


def _countdown(status: Status) -> Iterator[str]:
    snapshot, first_ms = status.snapshot, status.horizon_first_ms
    if not snapshot.tried or first_ms is None or first_ms - snapshot.now_ms > _NEAR_MS:
        return
    when = f"{clock_time(first_ms)[:16]} UTC"
    one = snapshot.tried == 1
    ends = f"its retries end {when}" if one else f"their retries end from {when} on"
    last = f", {'' if one else 'each '}with one last try after the hold" if status.is_held else ""
    yield f"{counted(snapshot.tried, 'event')} failed at least once: {ends}{last}"


def _drain_later(status: Status) -> Iterator[str]:
    """The drain estimate while nothing is delivered."""
    snapshot = status.snapshot
    best, intake, seconds = _best_rate(status), _intake(snapshot), drain(status).seconds
    if not snapshot.in_flight:
        return
    if not best:
        yield "how long the backlog takes cannot be told: nothing was delivered yet"
    elif seconds is None:
        yield (
            f"how long the backlog takes cannot be told: {intake:,.1f} events a second come in, "
            f"and the best rate so far is {best:,.1f}"
        )
    else:
        less = f" less {intake:,.1f} that come in" if intake >= _LEAST_RATE else ""
        yield (
            f"once it goes on, the backlog is clear in about {duration(max(1, seconds))}, at the "
            f"best rate so far ({best:,.1f} a second{less})"
        )


def _drain_now(status: Status) -> Iterator[str]:
    """The drain estimate while events are delivered."""
    snapshot, left = status.snapshot, drain(status)
    is_backlog = snapshot.due_now > _BACKLOG_SECONDS * _intake(snapshot)
    if is_backlog and left.rate <= -_LEAST_RATE:
        yield f"the backlog grows by {-left.rate:,.1f} events a second: more comes in than goes out"
    elif snapshot.due_now and left.seconds is not None and left.seconds >= _SHORT_SECONDS:
        yield f"clear in about {duration(left.seconds)} at the current rate"
