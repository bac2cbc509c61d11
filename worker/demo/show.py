"""What the demo shows: the table of events, the calls, the audit line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from worker.demo.samples import Fate, Sample
from worker.journal import Snapshot
from worker.sandbox.client import SandboxCall

#: How the stable actions of the worker's log read as fates.
FATES = {"event_delivered": Fate.DELIVERED, "event_skipped": Fate.SKIPPED, "event_dead": Fate.DEAD}

COLORS = {Fate.DELIVERED: "green", Fate.SKIPPED: "yellow", Fate.DEAD: "red"}


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a sample."""

    sample: Sample
    fate: Fate | None
    why: str
    calls: Sequence[SandboxCall]
    #: HTTP statuses of its attempts, in order.
    statuses: Sequence[int]

    @property
    def as_expected(self) -> bool:
        """Whether it went as it should."""
        return (
            self.fate is self.sample.fate
            and self.sample.why in self.why
            and len(self.calls) == self.sample.calls
            and all(call.times == 1 for call in self.calls)
        )


def fates_in(lines: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Fate, str]]:
    """What the worker's log says of each event: its fate and the reason."""
    return {
        line["event_id"]: (FATES[line["action"]], line.get("reason") or "")
        for line in lines
        if line.get("action") in FATES
    }


def by_event(keyed: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Group things by the event of their idempotency key, `<messageId>/<call index>`."""
    grouped: dict[str, list[Any]] = defaultdict(list)
    for key, thing in keyed:
        grouped[key.rpartition("/")[0]].append(thing)
    return grouped


def table_of(rows: Sequence[Row]) -> Table:
    """The table of all events."""
    table = Table(title="What became of each event", title_justify="left", expand=False)
    table.add_column("event")
    table.add_column("what became of it")
    table.add_column("what Convertro's sandbox got")
    for row in rows:
        table.add_row(row.sample.title, _fate_text(row), _calls_text(row))
    return table


def _fate_text(row: Row) -> str:
    fate = row.fate or "unaccounted for"
    color = COLORS.get(row.fate, "cyan") if row.as_expected and row.fate else "bold red"
    why = f": {row.why}" if row.why else ""
    return f"[{color}]{fate}[/]{why}" + ("" if row.as_expected else " [bold red](unexpected)[/]")


def _calls_text(row: Row) -> str:
    lines = [_call_text(call) for call in row.calls]
    if len(row.statuses) > len(lines):
        lines.append("answers: " + ", ".join(map(str, row.statuses)))
    return "\n".join(lines) or "nothing"


def _call_text(call: SandboxCall) -> str:
    body = call.body
    what = body.get("event_type") or ("link device" if "device_id" in body else "traits")
    value = f" {body['event_value']:g}" if "event_value" in body else ""
    return f"{call.endpoint}: {'install' if call.endpoint == 'installs' else what}{value}"


def audit_line(snapshot: Snapshot) -> str:
    """Conservation, in numbers."""
    totals = {name: snapshot.total(name) for name in ("delivered", "skipped", "discarded")}
    parts = " + ".join(f"{number} {name}" for name, number in totals.items())
    sign = "=" if snapshot.unaccounted == 0 else "≠"
    return (
        f"audit: {snapshot.total('accepted')} accepted {sign} {parts} + "
        f"{snapshot.in_flight} in flight + {snapshot.dead} dead"
    )
