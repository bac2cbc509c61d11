"""Shows what would be sent now for some dead letters, beside what was sent before they died."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from config.printable import printable
from config.settings import Settings
from worker.cli.dead.call_diff import call_diff
from worker.cli.dead.selection import Chosen, complain_about, spread
from worker.cli.terminal.output import json_line, say
from worker.destination.plan import Plan, PlannedCall, plan_stored
from worker.journal.journal import Journal
from worker.journal.records import Record, SentCall
from worker.reasons import DeathReason
from worker.status.wording import counted

#: The number of dead letters that are shown without `--samples`.
DEFAULT_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffSample:
    """One dead letter, what was sent for it and what would be sent now."""

    event_id: str
    record: Record
    #: The call that failed last; None if there was none or it is not known.
    was: SentCall | None
    plan: Plan

    @property
    def now(self) -> dict[str, PlannedCall]:
        """The calls that would be sent, by name."""
        return {call.name: call for call in self.plan.pending(self.record.accepted)}

    @property
    def outcome(self) -> str:
        """What a redrive would lead to: `send`, `skip`, `die`, or `finish` if no call is left."""
        if self.plan.invalid:
            return "die"
        if self.plan.skipped:
            return "skip"
        return "send" if self.now else "finish"

    @property
    def reason(self) -> str | None:
        """Why the event would be skipped or die again."""
        return self.plan.invalid or self.plan.skipped

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        return {
            "send": "would be sent",
            "skip": f"would now be skipped: {self.reason}",
            "die": f"would be a dead letter again: {self.reason}",
            "finish": "has nothing left to send: all its calls were accepted",
        }[self.outcome]

    @property
    def pairs(self) -> list[tuple[str, SentCall | None, PlannedCall | None]]:
        """The calls by name, each as it was sent and as it would be sent."""
        if self.outcome != "send":
            return []
        was = {self.was.call: self.was} if self.was else {}
        return [(name, was.get(name), self.now.get(name)) for name in {**was, **self.now}]


def samples(journal: Journal, settings: Settings, ids: Sequence[str]) -> Iterator[DiffSample]:
    """Look up some dead letters; those that are no longer dead are left out."""
    for event_id, was in zip(ids, journal.sent_calls(ids), strict=True):
        sighting = journal.look(event_id)
        if sighting.place == "dead" and sighting.record is not None:
            plan = _plan(sighting.raw or b"", sighting.record, settings)
            yield DiffSample(event_id=event_id, record=sighting.record, was=was, plan=plan)


def _plan(raw: bytes, record: Record, settings: Settings) -> Plan:
    try:
        return plan_stored(raw, record.accepted_at_ms, settings)
    except Exception:  # noqa: BLE001  a worker would make it a dead letter too
        return Plan(invalid=DeathReason.UNEXPECTED_ERROR)


def show_diff(  # noqa: PLR0913  every choice is an argument
    journal: Journal,
    settings: Settings,
    chosen: Chosen,
    *,
    number: int,
    reveal: bool,
    as_json: bool,
) -> None:
    """Show for some dead letters what a redrive would change, without changing anything.

    Args:
        journal: Where the dead letters are.
        settings: The settings with which they would be sent.
        chosen: All dead letters that would be redriven.
        number: How many to show.
        reveal: Show values, which may be personal data.
        as_json: Print JSON.
    """
    shown = samples(journal, settings, spread(chosen.by_kind, number))
    if as_json:
        document = {
            "selected": len(chosen.ids),
            "by_reason": dict(chosen.by_reason),
            "not_dead": chosen.not_dead,
            "samples": [_document(sample, reveal=reveal) for sample in shown],
        }
        say(json_line(document))
    else:
        shown_number = 0
        for sample in shown:
            shown_number += 1
            _say(sample, reveal=reveal)
        if chosen.ids:
            number_of_all = counted(len(chosen.ids), "dead letter")
            say(f"{shown_number:,} of {number_of_all} shown, nothing changed")
        else:
            say("no dead letters to show, nothing changed")
    complain_about(chosen.not_dead)


def _say(sample: DiffSample, *, reveal: bool) -> None:
    record = sample.record
    answer = f", http_{record.status}" if record.status else ""
    dead = f"{printable(record.reason or 'unknown')}{answer}"
    say(f"{printable(sample.event_id)} ({dead}) {sample.sentence}")
    if sample.outcome == "send" and sample.was is None:
        say(f"  {'what was sent is not known' if record.attempts else 'nothing was sent before'}")
    for name, was, now in sample.pairs:
        lines = call_diff(was, now, reveal=reveal)
        say(f"  call {name}: {_change(was, now, changed=bool(lines))}")
        for line in lines:
            say(f"  {line}")
    say("")


def _change(was: SentCall | None, now: PlannedCall | None, *, changed: bool) -> str:
    if was is None:
        return "new"
    if now is None:
        return "not made any more"
    return "changed" if changed else "the same as was sent"


def _document(sample: DiffSample, *, reveal: bool) -> dict[str, Any]:
    calls = []
    for name, was, now in sample.pairs:
        lines = call_diff(was, now, reveal=reveal)
        change = _change(was, now, changed=bool(lines))
        calls.append({"call": name, "change": change, "diff": lines})
    return {
        "id": sample.event_id,
        "reason": sample.record.reason,
        "status": sample.record.status,
        "outcome": sample.outcome,
        "outcome_reason": sample.reason,
        "sent_is_known": sample.was is not None,
        "calls": calls,
    }
