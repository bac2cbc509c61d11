"""What the demo prints: the table of events with their calls, and the audit line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from worker.destination.wire import event_id_of
from worker.journal.snapshot import Snapshot
from worker.lab.demo.samples import Sample, SampleFate
from worker.lab.sandbox.client import SandboxCall
from worker.log_actions import LogAction

#: The fates that actions of the worker's log stand for.
_FATES = {
    LogAction.EVENT_DELIVERED: SampleFate.DELIVERED,
    LogAction.EVENT_SKIPPED: SampleFate.SKIPPED,
    LogAction.EVENT_DEAD: SampleFate.DEAD,
}

_COLORS = {SampleFate.DELIVERED: "green", SampleFate.SKIPPED: "yellow", SampleFate.DEAD: "red"}


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """What became of a sample."""

    sample: Sample
    fate: SampleFate | None
    why: str
    calls: Sequence[SandboxCall]
    #: The HTTP statuses of its attempts, in order.
    statuses: Sequence[int]

    @property
    def as_expected(self) -> bool:
        """Whether fate, reason and calls are as the sample expects."""
        return (
            self.fate is self.sample.fate
            and self.sample.why in self.why
            and len(self.calls) == self.sample.calls
            and all(call.times == 1 for call in self.calls)
        )


def fates_in(lines: Iterable[Mapping[str, Any]]) -> dict[str, tuple[SampleFate, str]]:
    """Each event's fate and the reason, from the worker's log."""
    return {
        line["event_id"]: (_FATES[line["action"]], line.get("reason") or "")
        for line in lines
        if line.get("action") in _FATES
    }


def by_event(keyed: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Group things by the event id in their idempotency key."""
    grouped: dict[str, list[Any]] = defaultdict(list)
    for key, thing in keyed:
        grouped[event_id_of(key)].append(thing)
    return grouped


def table_of(rows: Sequence[ScreenRow]) -> Table:
    """The table of all events."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("event", no_wrap=True)
    table.add_column("what became of it")
    table.add_column("what the sandbox got", no_wrap=True)
    for row in rows:
        table.add_row(row.sample.title, _fate_text(row), _calls_text(row))
    return table


def _fate_text(row: ScreenRow) -> str:
    fate = row.fate or "unaccounted for"
    color = _COLORS.get(row.fate, "cyan") if row.as_expected and row.fate else "bold red"
    why = f": {row.why}" if row.why else ""
    return f"[{color}]{fate}[/]{why}" + ("" if row.as_expected else " [bold red](unexpected)[/]")


def _calls_text(row: ScreenRow) -> str:
    if not row.statuses:
        return "[dim]nothing[/]"
    lines = [_call_text(call) for call in row.calls]
    if len(row.statuses) > len(row.calls):
        lines.append(", ".join(map(str, row.statuses)))
    return "\n".join(lines)


def _call_text(call: SandboxCall) -> str:
    body = call.body
    kind = {"users": "traits", "installs": "install"}.get(call.endpoint, "")
    if call.endpoint == "users" and "device_id" in body:
        kind = "link device"
    value = f" {body['event_value']:g}" if "event_value" in body else ""
    return f"{body.get('event_type', kind)}{value}"


def audit_line(snapshot: Snapshot) -> str:
    """The audit's equation, in numbers."""
    totals = {name: snapshot.total(name) for name in ("delivered", "skipped", "discarded")}
    parts = " + ".join(f"{number} {name}" for name, number in totals.items())
    sign = "=" if snapshot.unaccounted == 0 else "≠"
    return (
        f"audit: {snapshot.total('accepted')} accepted {sign} {parts}\n  + "
        f"{snapshot.in_flight} in flight + {snapshot.dead} dead"
    )
