"""What an operator wants to know first: how things stand and how it goes on. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.cli.terminal.output import printable
from worker.journal.breaker import BreakerState
from worker.journal.snapshot import Snapshot
from worker.status.facts import Facts
from worker.status.problems import Problem, problems
from worker.status.wording import clock_time, counted, duration

#: An estimate shorter than this is not worth a line, in seconds.
SHORT_SECONDS = 5

#: The present rates are those of so many seconds: a burst is soon over.
RATE_SECONDS = 20

#: Slower growth is none, in events a second.
GROWTH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How things stand."""

    #: A stable name, for scripts: `delivering`, `holding`, ….
    state: str
    sentence: str
    problems: tuple[Problem, ...]
    #: Seconds until nothing is due any more; None if nobody can tell.
    drain_seconds: float | None
    #: Events a second on which that is based.
    drain_rate: float


def assess(facts: Facts) -> Situation:
    """Put the facts into sentences, the most important first."""
    state, sentence = _state(facts)
    drain_seconds, drain_rate = _drain(facts)
    return Situation(
        state=state,
        sentence=sentence,
        problems=tuple(problems(facts)),
        drain_seconds=drain_seconds,
        drain_rate=drain_rate,
    )


def is_held(snapshot: Snapshot) -> bool:
    """Whether events wait on purpose."""
    return bool(snapshot.pause) or snapshot.breaker.state is not BreakerState.CLOSED


def _state(facts: Facts) -> tuple[str, str]:
    snapshot = facts.snapshot
    workers = counted(len(snapshot.workers), "worker")
    waits = _who_waits(snapshot.in_flight)
    if snapshot.pause:
        why = f" ({printable(snapshot.pause.reason)})" if snapshot.pause.reason else ""
        since = clock_time(snapshot.pause.since_ms)
        return "paused", f"paused since {since}{why}: {waits}, {workers}"
    if not snapshot.workers:
        return "no_worker_is_alive", f"no worker is alive: {waits}"
    if len(snapshot.stuck(facts.settings.concurrency)) == len(snapshot.workers):
        return "stuck", f"stuck: {waits}, and no worker asks for work, {workers}"
    if snapshot.breaker.state is not BreakerState.CLOSED:
        since = clock_time(snapshot.breaker.since_ms or 0)
        return "holding", f"holding since {since}: {snapshot.breaker.why}; {waits}, {workers}"
    return _flow(snapshot, workers)


def _flow(snapshot: Snapshot, workers: str) -> tuple[str, str]:
    """The state while nothing is in the way."""
    if snapshot.due_now or snapshot.claimed:
        claimed = f", {snapshot.claimed:,} claimed" if snapshot.claimed else ""
        due = counted(snapshot.due_now, "event")
        return "delivering", f"delivering: {due} due{claimed}, {workers}"
    if snapshot.waiting:
        later = counted(snapshot.waiting, "event")
        return "waiting", f"waiting: {later} due later, {workers}"
    return "idle", f"idle: nothing is due, {workers}"


def _who_waits(events: int) -> str:
    if not events:
        return "nothing waits"
    return f"{counted(events, 'event')} {'waits' if events == 1 else 'wait'}"


def _drain(facts: Facts) -> tuple[float | None, float]:
    """How long the backlog takes: at the present rate, or at the fastest seen if it is held."""
    snapshot = facts.snapshot
    if is_held(snapshot) or not snapshot.workers:
        rate = snapshot.fastest_per_second
        if bound := facts.settings.max_requests_per_second:
            rate = min(rate, bound)
        return (snapshot.in_flight / rate if rate else None), rate
    out = snapshot.recent.per_second(("delivered", "skipped", "dead"), RATE_SECONDS)
    rate = out - snapshot.recent.per_second(("accepted", "redriven"), RATE_SECONDS)
    return (snapshot.due_now / rate if rate > 0 else None), rate


def outlook(situation: Situation, facts: Facts) -> Iterator[str]:
    """How it goes on, in sentences: the outage countdown and the drain estimate."""
    if is_held(facts.snapshot) or facts.snapshot.tried:
        yield from _countdown(facts)
    yield from _drain_words(situation, facts)


def _countdown(facts: Facts) -> Iterator[str]:
    snapshot = facts.snapshot
    first_ms, by_ms = facts.horizon_first_ms, facts.horizon_by_ms
    if first_ms is None or by_ms is None:
        if snapshot.in_flight:
            yield "if it stays so, no event's retries end: none was tried yet"
        return
    condition = "if it stays so" if is_held(snapshot) else "of those that were tried"
    when = f"{clock_time(first_ms)[:16]} UTC"
    by = f"{facts.horizon_by:,} of {snapshot.tried:,} by {clock_time(by_ms)[11:16]}"
    after = "; each has one more try after the hold" if is_held(snapshot) else ""
    yield f"{condition}, the first event's retries end {when}, {by}{after}"


def _drain_words(situation: Situation, facts: Facts) -> Iterator[str]:
    snapshot = facts.snapshot
    seconds, rate = situation.drain_seconds, situation.drain_rate
    if is_held(snapshot) or not snapshot.workers:
        if snapshot.in_flight and seconds is None:
            yield "how long the backlog takes nobody can tell: nothing was delivered yet"
        elif snapshot.in_flight and seconds is not None:
            yield (
                "once it goes on, the backlog is clear in at most about "
                f"{duration(max(1, seconds))}, at the fastest pace seen ({rate:,.1f} a second)"
            )
    elif snapshot.due_now and seconds is None and rate <= -GROWTH:
        yield f"the backlog grows by {-rate:,.1f} events a second: more comes in than goes out"
    elif snapshot.due_now and seconds is not None and seconds >= SHORT_SECONDS:
        yield f"clear in about {duration(seconds)} at the current rate"
