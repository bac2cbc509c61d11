"""What would be sent now for some dead letters, beside what was sent when they died."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from config.settings import Settings
from worker.cli.dead.call_diff import call_diff
from worker.cli.dead.planned_calls import Prospect, prospect
from worker.cli.dead.selection import Chosen, complain_about, spread
from worker.cli.terminal.output import json_line, say
from worker.journal.journal import Journal
from worker.journal.records import Record, SentCall
from worker.status.wording import counted, printable

#: Shown unless the user says otherwise.
DEFAULT_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _DiffSample:
    """One dead letter, what was sent for it and what would be."""

    event_id: str
    record: Record
    #: The call that failed last; None if there was none, or nobody knows.
    was: SentCall | None
    now: Prospect

    @property
    def pairs(self) -> list[tuple[int, SentCall | None, SentCall | None]]:
        """The calls by index, each as it was sent and as it would be sent."""
        was = {self.was.call_index: self.was} if self.was else {}
        if self.now.outcome != "send":
            return []
        return [
            (index, was.get(index), self.now.calls.get(index))
            for index in sorted({*was, *self.now.calls})
        ]


def samples(journal: Journal, settings: Settings, ids: Sequence[str]) -> Iterator[_DiffSample]:
    """Look at some dead letters; those that are not dead any more are left out."""
    for event_id, was in zip(ids, journal.sent_calls(ids), strict=True):
        sighting = journal.look(event_id)
        if sighting.place == "dead" and sighting.record is not None:
            now = prospect(sighting.raw or b"", sighting.record, settings)
            yield _DiffSample(event_id=event_id, record=sighting.record, was=was, now=now)


def show_diff(  # noqa: PLR0913  every choice is an argument
    journal: Journal,
    settings: Settings,
    chosen: Chosen,
    *,
    number: int,
    reveal: bool,
    as_json: bool,
) -> None:
    """Show what would change for some of them; changes nothing.

    Args:
        journal: Where they are.
        settings: Those under which they would be sent.
        chosen: All that would be redriven.
        number: How many to show.
        reveal: Show values, which may be personal data.
        as_json: For machines.
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


def _say(sample: _DiffSample, *, reveal: bool) -> None:
    record = sample.record
    answer = f", http_{record.status}" if record.status else ""
    dead = f"{printable(record.reason or 'unknown')}{answer}"
    say(f"{printable(sample.event_id)} ({dead}) {sample.now.sentence}")
    if sample.now.outcome == "send" and sample.was is None:
        say(f"  {'what was sent is not known' if record.attempts else 'nothing was sent before'}")
    for index, was, now in sample.pairs:
        lines = call_diff(was, now, reveal=reveal)
        say(f"  call {index}: {_change(was, now, changed=bool(lines))}")
        for line in lines:
            say(f"  {line}")
    say("")


def _change(was: SentCall | None, now: SentCall | None, *, changed: bool) -> str:
    if was is None:
        return "new"
    if now is None:
        return "not made any more"
    return "changed" if changed else "the same as was sent"


def _document(sample: _DiffSample, *, reveal: bool) -> dict[str, Any]:
    calls = []
    for index, was, now in sample.pairs:
        lines = call_diff(was, now, reveal=reveal)
        change = _change(was, now, changed=bool(lines))
        calls.append({"call": index, "change": change, "diff": lines})
    return {
        "id": sample.event_id,
        "reason": sample.record.reason,
        "status": sample.record.status,
        "outcome": sample.now.outcome,
        "outcome_reason": sample.now.reason,
        "sent_is_known": sample.was is not None,
        "calls": calls,
    }
