"""The command `convertro status`: how things stand, first in one sentence."""

from collections import Counter
from typing import Any

from rich.table import Table

from config.settings import Settings
from worker.cli.access import open_journal
from worker.cli.output import JsonOption, say, say_json
from worker.cli.tables import say_table, table, text
from worker.cli.words import ago, counted, duration
from worker.journal import Snapshot


def status(*, as_json: JsonOption = False) -> None:
    """Say how things stand.

    Events that are due, claimed, waiting for a retry or dead; workers; wake-ups; counters.

    Example: convertro status

    Example: convertro status --json | jq .workers
    """
    producer = open_journal()
    snapshot = producer.journal.snapshot()
    reasons = Counter(
        letter.record.reason or "unknown" for letter in producer.journal.dead_letters()
    )
    if as_json:
        say_json(_document(snapshot, reasons, producer.settings))
        return
    say(state_words(snapshot))
    for grid in (
        _journal(snapshot, reasons, producer.settings),
        _workers(snapshot),
        _counters(snapshot),
    ):
        say("")
        say_table(grid)


def state_words(snapshot: Snapshot) -> str:
    """The state in one sentence."""
    workers = counted(len(snapshot.workers), "worker")
    if not snapshot.workers:
        return f"no worker is alive: {_who_waits(snapshot.in_flight)}"
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
    return state_words(snapshot).partition(":")[0].replace(" ", "_")


def _journal(snapshot: Snapshot, reasons: Counter[str], settings: Settings) -> Table:
    grid = table("journal", "number", "notes", numbers=("number",), fixed=("number",))
    bound = (
        f"at most {settings.dead_max_count:,}, each for {duration(settings.dead_max_age_seconds)}"
    )
    rows: list[tuple[str, int, str]] = [
        ("due now", snapshot.due_now, _first_in_line(snapshot)),
        ("claimed", snapshot.claimed, "being delivered" if snapshot.claimed else ""),
        ("waiting", snapshot.waiting, _first_retry(snapshot)),
        ("dead", snapshot.dead, bound),
        *((f"  {reason}", number, "") for reason, number in reasons.most_common()),
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


def _document(snapshot: Snapshot, reasons: Counter[str], settings: Settings) -> dict[str, Any]:
    due = snapshot.due_now and snapshot.first_due_ms is not None
    return {
        "state": _state(snapshot),
        "sentence": state_words(snapshot),
        "due": snapshot.due_now,
        "claimed": snapshot.claimed,
        "waiting": snapshot.waiting,
        "first_due_age_seconds": _seconds_since(snapshot.first_due_ms, snapshot) if due else None,
        "dead": {
            "number": snapshot.dead,
            "by_reason": dict(reasons),
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
