"""Shows a drill's progress and its verdict."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from worker.cli.terminal.output import say
from worker.cli.terminal.tables import console, say_table, table, text
from worker.journal.snapshot import Snapshot
from worker.lab.drill.report import Report
from worker.status.wording import counted, duration

#: How often a line of progress is printed without a terminal, in seconds.
_LINE_EVERY_SECONDS = 10.0


def counts(snapshot: Snapshot | None) -> dict[str, str]:
    """The journal's numbers by name; question marks if it did not answer."""
    if snapshot is None:
        return dict.fromkeys(("in flight", "waiting", "dead"), "?")
    return {
        "in flight": f"{snapshot.due_now + snapshot.claimed:,}",
        "waiting": f"{snapshot.waiting:,}",
        "dead": f"{snapshot.dead:,}",
    }


def state(snapshot: Snapshot | None, *, draining: bool) -> str:
    """What happens in a drill now, in words."""
    if snapshot is None:
        return "Redis does not answer: nothing is taken, nothing is sent"
    if not snapshot.workers:
        return "no worker is alive"
    if snapshot.breaker.why:
        return f"holding: {snapshot.breaker.why}"
    if snapshot.due_now or snapshot.claimed:
        return "draining" if draining else "delivering"
    return (
        "events wait for their next try" if snapshot.waiting else "everything is delivered so far"
    )


class View:
    """Shows a drill's progress on standard error.

    On a terminal one line changes in place, below the notes; in a pipe or a log a new line is
    printed every few seconds.
    """

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._status = self._console.status("")
        self._said_at = 0.0
        if self._console.is_interactive:
            self._status.start()

    def note(self, line: str) -> None:
        """Print a line once."""
        self._console.print(Text(line), soft_wrap=True)

    def show(self, elapsed_seconds: float, line: str) -> None:
        """Show the progress."""
        if self._console.is_interactive:
            self._status.update(Text(line))
        elif elapsed_seconds - self._said_at >= _LINE_EVERY_SECONDS:
            self._said_at = elapsed_seconds
            self.note(line)

    def close(self) -> None:
        """Stop showing progress."""
        self._status.stop()


def clock(seconds: float) -> str:
    """A time since a drill's start: `1:05`."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


def say_verdict(report: Report) -> None:
    """Print the verdict for people."""
    verdict = report.verdict
    grid = table("verdict", "number", "notes", numbers=("number",), fixed=("number",))
    for name, number, note, must_be_zero in (
        ("sent", verdict.sent, "enqueue() returned", False),
        ("delivered", verdict.delivered, "every call accepted at least once", False),
        ("skipped", verdict.skipped, "by rule, and nothing was sent", False),
        ("dead letters", sum(verdict.dead.values()), _reasons(verdict.dead), False),
        ("undelivered yet", verdict.undelivered, "still in flight", not report.interrupted),
        ("lost", verdict.lost, "none of these", True),
        ("unknown", verdict.unknown, "calls that no event should have made", True),
        ("doubled, same key", verdict.same_key, "the vendor can tell by the key", False),
        ("doubled, other key", verdict.different_key, "counted twice by any vendor", True),
    ):
        wrong = must_be_zero and number > 0
        style = "bold red" if wrong else ""
        mark = "WRONG: " if wrong else ""
        grid.add_row(text(name, style), text(f"{number:,}", style), text(mark + note, style))
    for name, said, note in _facts(report):
        grid.add_row(text(name), text(said), text(note))
    say_table(grid)
    say("")
    for what, names in verdict.examples.items():
        say(f"{what.replace('_', ' ')}: {', '.join(names)}")
    say(_sentence(report))


def _reasons(dead: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in dead.items())


def _facts(report: Report) -> list[tuple[str, str, str]]:
    verdict = report.verdict
    wrong = report.unaccounted or report.problems
    drained = "not yet" if report.drain_seconds is None else duration(report.drain_seconds)
    return [
        ("delay", duration(verdict.delay(0.5)), "half of the events were faster"),
        ("", duration(verdict.delay(0.99)), "99 in 100"),
        ("", duration(verdict.delay(1.0)), "the slowest"),
        ("time to drain", drained, "from the end of load until nothing was in flight"),
        ("workers killed", str(report.worker_kills), "SIGKILL, all processes"),
        ("Redis killed", str(report.redis_kills), "SIGKILL"),
        ("workers ended", str(report.worker_exits), "by themselves, and started again"),
        ("producer retries", f"{report.retries:,}", "enqueue() raised JournalUnavailable"),
        (
            "audit",
            "WRONG" if wrong else "good",
            f"{report.unaccounted} unaccounted for, {counted(len(report.problems), 'problem')}",
        ),
    ]


def _sentence(report: Report) -> str:
    if report.interrupted:
        return "interrupted: the verdict is about what was sent until then"
    if report.is_good:
        return "nothing is lost, nothing is doubled under another key"
    return "WRONG: see the rows above"


def document(report: Report) -> dict[str, Any]:
    """The verdict as JSON."""
    verdict = report.verdict
    return {
        "good": report.is_good,
        "interrupted": report.interrupted,
        "seed": report.options.seed,
        "minutes": report.options.minutes,
        "rate": report.options.rate,
        "embedded": report.options.embedded,
        "settings": dict(report.settings),
        "sent": verdict.sent,
        "delivered": verdict.delivered,
        "skipped": verdict.skipped,
        "dead": {"number": sum(verdict.dead.values()), "by_reason": dict(verdict.dead)},
        "undelivered": verdict.undelivered,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "doubled": {"same_key": verdict.same_key, "different_key": verdict.different_key},
        "examples": {what: list(names) for what, names in verdict.examples.items()},
        "delay_seconds": {
            "p50": round(verdict.delay(0.5), 3),
            "p99": round(verdict.delay(0.99), 3),
            "longest": round(verdict.delay(1.0), 3),
        },
        "drain_seconds": None if report.drain_seconds is None else round(report.drain_seconds, 3),
        "kills": {"workers": report.worker_kills, "redis": report.redis_kills},
        "worker_exits": report.worker_exits,
        "producer_retries": report.retries,
        "audit": {"unaccounted": report.unaccounted, "problems": dict(report.problems)},
    }
