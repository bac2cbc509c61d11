"""The tables that `convertro status` and the status page show, as texts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.journal.snapshot import DELIVERED_IN, REQUEST_TOOK, Snapshot
from worker.status.rates import LONGEST_SECONDS, RATES, WINDOWS
from worker.status.status import Status
from worker.status.wording import ago, duration, milliseconds, span

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Table:
    """Titles, and rows of as many cells; None in a cell stands for an unknown value."""

    titles: tuple[str, ...]
    rows: Sequence[tuple[str | None, ...]]
    #: The titles of the columns that hold numbers.
    numbers: tuple[str, ...]


def journal_table(status: Status) -> Table:
    """How many events are in each state."""
    snapshot, settings = status.snapshot, status.settings
    bound = (
        f"at most {settings.dead_max_count:,}, each for {duration(settings.dead_max_age_seconds)}"
    )
    doubt = f"{snapshot.dead_in_doubt:,} of them may have been delivered"
    least = snapshot.dedupe_seconds
    rows: list[tuple[str, int, str]] = [
        ("due now", snapshot.due_now, _first_in_line(snapshot)),
        ("claimed", snapshot.claimed, "being delivered" if snapshot.claimed else ""),
        ("waiting", snapshot.waiting, _first_retry(snapshot)),
        ("dead", snapshot.dead, doubt if snapshot.dead_in_doubt else bound),
        *_deaths(snapshot),
        ("ids remembered", snapshot.remembered, f"each for {span(least, 2 * least)}"),
    ]
    return Table(
        ("journal", "events", "notes"),
        [(name, f"{number:,}", notes) for name, number, notes in rows],
        ("events",),
    )


def _deaths(snapshot: Snapshot) -> Iterator[tuple[str, int, str]]:
    for reason, number in snapshot.dead_by_reason.items():
        yield f"  {reason}", number, answers_of(snapshot, reason)


def answers_of(snapshot: Snapshot, reason: str) -> str:
    """The most frequent answers to the dead letters of a reason: `3 answered 400`."""
    answers = {
        status: amount
        for (name, status), amount in snapshot.deaths.items()
        if name == reason and status is not None
    }
    most = sorted(answers.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{amount:,} answered {status}" for status, amount in most)


def _first_in_line(snapshot: Snapshot) -> str:
    if not snapshot.due_now or snapshot.first_due_ms is None:
        return ""
    return f"the oldest was due {ago(snapshot.first_due_ms, snapshot.now_ms)}"


def _first_retry(snapshot: Snapshot) -> str:
    """When the first waiting event is due, if no due or claimed event can be before it."""
    if not snapshot.waiting or snapshot.due_now or snapshot.claimed or not snapshot.first_due_ms:
        return ""
    return f"the first is due in {duration((snapshot.first_due_ms - snapshot.now_ms) / 1000)}"


def rates_table(snapshot: Snapshot) -> Table:
    """Each rate per second, over each window."""
    rows = [
        (name, *(f"{snapshot.recent.per_second(kinds, over):,.1f}" for over in WINDOWS.values()))
        for name, kinds in RATES.items()
    ]
    return Table(("per second, over", *WINDOWS), rows, tuple(WINDOWS))


def durations_table(snapshot: Snapshot) -> Table:
    """How long deliveries and requests take."""
    rows: list[tuple[str | None, ...]] = []
    for name, counted in (("acceptance to delivery", DELIVERED_IN), ("one request", REQUEST_TOOK)):
        histogram = snapshot.recent.histogram(counted, LONGEST_SECONDS)
        shown = [_about(histogram.quantile_ms(share)) for share in _QUANTILES.values()]
        rows.append((name, *shown, f"{histogram.total:,}"))
    titles = ("last 15 min, approximate", *_QUANTILES, "count")
    return Table(titles, rows, titles[1:])


def _about(amount: float | None) -> str | None:
    if amount is None:
        return None
    return "over 1 d" if amount == float("inf") else milliseconds(amount)


def workers_table(status: Status) -> Table:
    """The workers, silent ones last."""
    snapshot = status.snapshot
    silent = "cannot report" if status.refusal else "silent"
    rows: list[tuple[str | None, ...]] = [
        (
            worker.name,
            str(worker.capacity) if worker in snapshot.workers else silent,
            ago(worker.ticked_ms, snapshot.now_ms),
            ago(worker.asked_ms, snapshot.now_ms) if worker.asked_ms else None,
        )
        for worker in (*snapshot.workers, *snapshot.silent)
    ]
    titles = ("workers", "tasks", "last tick", "asked for work")
    return Table(titles, rows or [("none", "", "", "")], ("tasks",))
