"""The command `convertro status`: how things stand, first in one sentence."""

from collections import Counter
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from rich.table import Table

from config.settings import Settings
from worker.cli.access import open_journal
from worker.cli.output import JsonOption, printable, say, say_json
from worker.cli.tables import WIDTH, say_table, table, text
from worker.cli.words import ago, clock_time, counted, duration, iso_time_or_none
from worker.holding import Breaker, BreakerState
from worker.journal import Journal, Snapshot


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters, counted."""

    by_reason: Counter[str] = field(default_factory=Counter)
    #: How many of each reason may have reached Convertro all the same.
    in_doubt: Counter[str] = field(default_factory=Counter)


def status(*, as_json: JsonOption = False) -> None:
    """Say how things stand.

    Whether deliveries are held and why; events that are due, claimed, waiting or dead; what may
    have been delivered without our knowing; workers; counters.

    Example: convertro status

    Example: convertro status --json | jq .workers
    """
    producer = open_journal()
    snapshot = producer.journal.snapshot()
    dead = _count_dead(producer.journal)
    if as_json:
        say_json(_document(snapshot, dead, producer.settings))
        return
    for line in wrap(state_words(snapshot), WIDTH, break_on_hyphens=False):
        say(line)
    for grid in (
        _journal(snapshot, dead, producer.settings),
        _doubts(snapshot, dead),
        _workers(snapshot),
        _counters(snapshot),
    ):
        say("")
        say_table(grid)


def _count_dead(journal: Journal) -> DeadLetters:
    dead = DeadLetters()
    for letter in journal.dead_letters():
        reason = letter.record.reason or "unknown"
        dead.by_reason[reason] += 1
        dead.in_doubt[reason] += bool(letter.record.in_doubt)
    return dead


def state_words(snapshot: Snapshot) -> str:
    """The state in one sentence."""
    workers = counted(len(snapshot.workers), "worker")
    if snapshot.pause:
        why = f" ({printable(snapshot.pause.reason)})" if snapshot.pause.reason else ""
        since = clock_time(snapshot.pause.since_ms)
        return f"paused since {since}{why}: {_who_waits(snapshot.in_flight)}, {workers}"
    if not snapshot.workers:
        return f"no worker is alive: {_who_waits(snapshot.in_flight)}"
    if snapshot.breaker.state is not BreakerState.CLOSED:
        return (
            f"holding since {clock_time(snapshot.breaker.since_ms or 0)}: "
            f"{snapshot.breaker.why}; {_who_waits(snapshot.in_flight)}, {workers}"
        )
    if snapshot.due_now or snapshot.claimed:
        claimed = f", {snapshot.claimed:,} claimed" if snapshot.claimed else ""
        return f"delivering: {counted(snapshot.due_now, 'event')} due{claimed}, {workers}"
    if snapshot.waiting:
        return f"waiting: {counted(snapshot.waiting, 'event')} due later, {workers}"
    return f"idle: nothing is due, {workers}"


def _who_waits(events: int) -> str:
    if not events:
        return "nothing waits"
    return f"{counted(events, 'event')} {'waits' if events == 1 else 'wait'}"


def _state(snapshot: Snapshot) -> str:
    if snapshot.pause:
        return "paused"
    first_words = state_words(snapshot).partition(":")[0].partition(" since")[0]
    return first_words.replace(" ", "_")


def _journal(snapshot: Snapshot, dead: DeadLetters, settings: Settings) -> Table:
    grid = table("journal", "number", "notes", numbers=("number",), fixed=("number",))
    bound = (
        f"at most {settings.dead_max_count:,}, each for {duration(settings.dead_max_age_seconds)}"
    )
    rows: list[tuple[str, int, str]] = [
        ("due now", snapshot.due_now, _first_in_line(snapshot)),
        ("claimed", snapshot.claimed, "being delivered" if snapshot.claimed else ""),
        ("waiting", snapshot.waiting, _first_retry(snapshot)),
        ("dead", snapshot.dead, bound),
        *((f"  {reason}", number, "") for reason, number in dead.by_reason.most_common()),
        ("ids remembered", snapshot.remembered, _memory(settings)),
        ("wake-ups", snapshot.wakeups, "sent or being followed" if snapshot.wakeups else ""),
    ]
    for name, number, notes in rows:
        grid.add_row(text(name), text(f"{number:,}"), text(notes))
    return grid


def _first_in_line(snapshot: Snapshot) -> str:
    if not snapshot.due_now or snapshot.first_due_ms is None:
        return ""
    return f"the first in line was due {ago(snapshot.first_due_ms, snapshot.now_ms)}"


def _first_retry(snapshot: Snapshot) -> str:
    """When the first waiting event is due, if it is first in line for certain."""
    if not snapshot.waiting or snapshot.due_now or snapshot.claimed or not snapshot.first_due_ms:
        return ""
    return f"the first is due in {duration((snapshot.first_due_ms - snapshot.now_ms) / 1000)}"


def _memory(settings: Settings) -> str:
    least = settings.dedupe_seconds
    return f"each for {duration(least)} to {duration(2 * least)}"


def _doubts(snapshot: Snapshot, dead: DeadLetters) -> Table:
    """What Convertro may have without our knowing, apart from what it surely has not."""
    grid = table("delivery in doubt", "number", "notes", numbers=("number",), fixed=("number",))
    counters = snapshot.counters
    for name, number, notes in (
        ("attempts in doubt", counters.get("attempts:ambiguous", 0), "may have been delivered"),
        ("attempts unsent", counters.get("attempts:unsent", 0), "surely not delivered"),
        ("leases lost", counters.get("leases_lost", 0), "their calls may have been delivered"),
        ("dead in doubt", dead.in_doubt.total(), "dead, may have been delivered"),
    ):
        grid.add_row(text(name), text(f"{number:,}"), text(notes))
    return grid


def _workers(snapshot: Snapshot) -> Table:
    grid = table("workers", "tasks", "last tick", numbers=("tasks",), fixed=("tasks", "last tick"))
    for name, capacity, ticked_ms in snapshot.workers:
        grid.add_row(text(name), text(capacity), text(ago(ticked_ms, snapshot.now_ms)))
    if not snapshot.workers:
        grid.add_row(text("none"))
    return grid


def _counters(snapshot: Snapshot) -> Table:
    grid = table("counters", "so far", numbers=("so far",))
    for name, number in sorted(snapshot.counters.items()):
        grid.add_row(text(name), text(f"{number:,}"))
    if not snapshot.counters:
        grid.add_row(text("none"))
    return grid


def _document(snapshot: Snapshot, dead: DeadLetters, settings: Settings) -> dict[str, Any]:
    due = snapshot.due_now and snapshot.first_due_ms is not None
    return {
        "state": _state(snapshot),
        "sentence": state_words(snapshot),
        "breaker": _breaker_document(snapshot.breaker),
        "paused": snapshot.pause
        and {
            "since": iso_time_or_none(snapshot.pause.since_ms),
            "reason": snapshot.pause.reason,
        },
        "due": snapshot.due_now,
        "claimed": snapshot.claimed,
        "waiting": snapshot.waiting,
        "first_due_age_seconds": _seconds_since(snapshot.first_due_ms, snapshot) if due else None,
        "dead": {
            "number": snapshot.dead,
            "by_reason": dict(dead.by_reason),
            "in_doubt": dead.in_doubt.total(),
            "max_count": settings.dead_max_count,
            "max_age_seconds": settings.dead_max_age_seconds,
        },
        "remembered": {"number": snapshot.remembered, "seconds": settings.dedupe_seconds},
        "workers": [
            {
                "name": name,
                "capacity": capacity,
                "last_tick_age_seconds": _seconds_since(ticked_ms, snapshot),
            }
            for name, capacity, ticked_ms in snapshot.workers
        ],
        "wakeups": snapshot.wakeups,
        "counters": dict(sorted(snapshot.counters.items())),
    }


def _seconds_since(then_ms: int | None, snapshot: Snapshot) -> float:
    return max(0, snapshot.now_ms - (then_ms or 0)) / 1000


def _breaker_document(breaker: Breaker) -> dict[str, Any]:
    return {
        "state": breaker.state.value,
        "cause": breaker.cause and breaker.cause.value,
        "detail": breaker.detail,
        "since": iso_time_or_none(breaker.since_ms),
        "next_probe_at": iso_time_or_none(breaker.probe_at_ms),
    }
