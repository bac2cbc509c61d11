"""What `convertro status` shows to people, a part below the other, 80 columns wide."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from worker.cli.terminal.place import place_block
from worker.cli.terminal.tables import block, table, text
from worker.journal.snapshot import DELIVERED_IN, REQUEST_TOOK, Snapshot
from worker.outcomes import OutcomeClass
from worker.status.problems import problems
from worker.status.status import Status, outlook
from worker.status.wording import ago, duration, milliseconds, span

#: The windows of the rates, in seconds.
WINDOWS = {"1 min": 60, "5 min": 300, "15 min": 900}
LONGEST_SECONDS = 900

#: States in which nobody need do anything.
WELL = frozenset({"delivering", "idle", "waiting"})

FAILURES = tuple(
    f"attempts:{kind.value}" for kind in OutcomeClass if kind is not OutcomeClass.ACCEPTED
)
#: What a row of the rates adds up.
RATES = {
    "accepted": ("accepted",),
    "delivered": ("delivered",),
    "skipped": ("skipped",),
    "died": ("dead",),
    "attempts that failed": FAILURES,
}


class Part(NamedTuple):
    """Something that is shown, below the last one."""

    #: What is left out if it does not fit.
    name: str
    shown: RenderableType


def parts(status: Status) -> list[Part]:
    """Everything, the most important first."""
    return [
        *answers(status),
        Part("the journal", _journal(status)),
        Part("rates", _rates(status.snapshot)),
        Part("durations", _durations(status.snapshot)),
        Part("workers", _workers(status.snapshot)),
        place(status),
    ]


def answers(status: Status) -> Iterator[Part]:
    """The sentence, what is wrong, and how it goes on."""
    yield Part("the state", headline(status))
    for problem in problems(status):
        yield Part("problems", block(problem.sentence, first="! ", style="yellow"))
    if lines := list(outlook(status)):
        yield Part("the outlook", Text("\n").join(block(line, first="- ") for line in lines))


def place(status: Status) -> Part:
    """Which journal this is about."""
    return Part("where this is", place_block(status.settings, status.snapshot))


def headline(status: Status) -> Text:
    """How things stand, in a colour that says whether all is well."""
    is_well = status.state in WELL
    style = "bold green" if is_well else "bold red"
    if is_well and next(problems(status), None):
        style = "bold yellow"
    return block(status.sentence, style=style)


def _journal(status: Status) -> Table:
    snapshot, settings = status.snapshot, status.settings
    grid = table("journal", "events", "notes", numbers=("events",), fixed=("events",))
    bound = (
        f"at most {settings.dead_max_count:,}, each for {duration(settings.dead_max_age_seconds)}"
    )
    doubt = f"{snapshot.dead_in_doubt:,} of them may have been delivered"
    least = settings.dedupe_seconds
    rows: list[tuple[str, int, str]] = [
        ("due now", snapshot.due_now, _first_in_line(snapshot)),
        ("claimed", snapshot.claimed, "being delivered" if snapshot.claimed else ""),
        ("waiting", snapshot.waiting, _first_retry(snapshot)),
        ("dead", snapshot.dead, doubt if snapshot.dead_in_doubt else bound),
        *_deaths(snapshot),
        ("ids remembered", snapshot.remembered, f"each for {span(least, 2 * least)}"),
    ]
    for name, number, notes in rows:
        grid.add_row(text(name), text(f"{number:,}"), text(notes))
    return grid


def _deaths(snapshot: Snapshot) -> Iterator[tuple[str, int, str]]:
    for reason, number in snapshot.dead_by_reason.items():
        answers = {
            status: amount
            for (name, status), amount in snapshot.deaths.items()
            if name == reason and status is not None
        }
        most = sorted(answers.items(), key=lambda item: -item[1])[:3]
        yield (
            f"  {reason}",
            number,
            ", ".join(f"{amount:,} answered {status}" for status, amount in most),
        )


def _first_in_line(snapshot: Snapshot) -> str:
    if not snapshot.due_now or snapshot.first_due_ms is None:
        return ""
    return f"the oldest was due {ago(snapshot.first_due_ms, snapshot.now_ms)}"


def _first_retry(snapshot: Snapshot) -> str:
    """When the first waiting event is due, if it is first in line for certain."""
    if not snapshot.waiting or snapshot.due_now or snapshot.claimed or not snapshot.first_due_ms:
        return ""
    return f"the first is due in {duration((snapshot.first_due_ms - snapshot.now_ms) / 1000)}"


def _rates(snapshot: Snapshot) -> Table:
    grid = table("per second, over", *WINDOWS, numbers=tuple(WINDOWS))
    for name, kinds in RATES.items():
        rates = [snapshot.recent.per_second(kinds, seconds) for seconds in WINDOWS.values()]
        grid.add_row(text(name), *(text(f"{rate:,.1f}") for rate in rates))
    return grid


def _durations(snapshot: Snapshot) -> Table:
    quantiles = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    grid = table("over 15 min, about", *quantiles, "number", numbers=(*quantiles, "number"))
    for name, counted in (
        ("acceptance to delivery", DELIVERED_IN),
        ("one request", REQUEST_TOOK),
    ):
        histogram = snapshot.recent.histogram(counted, LONGEST_SECONDS)
        shown = [_about(histogram.quantile_ms(share)) for share in quantiles.values()]
        grid.add_row(text(name), *map(text, shown), text(f"{histogram.total:,}"))
    return grid


def _about(amount: float | None) -> str | None:
    if amount is None:
        return None
    return "over 1 d" if amount == float("inf") else milliseconds(amount)


def _workers(snapshot: Snapshot) -> Table:
    grid = table(
        "workers", "tasks", "last tick", "asked for work", numbers=("tasks",), fixed=("tasks",)
    )
    for worker in (*snapshot.workers, *snapshot.silent):
        grid.add_row(
            text(worker.name),
            text(worker.capacity if worker in snapshot.workers else "silent"),
            text(ago(worker.ticked_ms, snapshot.now_ms)),
            text(worker.asked_ms and ago(worker.asked_ms, snapshot.now_ms)),
        )
    if not grid.rows:
        grid.add_row(text("none"))
    return grid
