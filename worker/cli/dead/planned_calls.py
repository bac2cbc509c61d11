"""What would be sent for an event now, by today's settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.settings import Settings
from convertro.segment_event import InvalidEvent, decode
from worker.destination import translate
from worker.destination.wire import encode_body, pending_calls, request_for
from worker.journal.records import Record, SentCall
from worker.reasons import DeathReason
from worker.status.wording import iso_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What would become of an event."""

    #: `send`, `skip` or `die`; `finish` if Convertro accepted all its calls.
    outcome: str
    #: Why it would be skipped or die.
    reason: str | None = None
    #: What would be sent, by the call's index.
    calls: Mapping[int, SentCall] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        return {
            "send": "would be sent",
            "skip": f"would now be skipped: {self.reason}",
            "die": f"would be a dead letter again: {self.reason}",
            "finish": "has nothing left to send: all its calls were accepted",
        }[self.outcome]


def prospect(raw: bytes, record: Record, settings: Settings) -> Prospect:
    """Translate an event as a worker would, but for calls that were accepted."""
    try:
        event = decode(raw)
    except InvalidEvent:
        return Prospect(outcome="die", reason=DeathReason.INVALID_EVENT)
    try:
        return _of_event(event, record, settings)
    except Exception:  # noqa: BLE001  a worker would make it a dead letter, too
        return Prospect(outcome="die", reason=DeathReason.UNEXPECTED_ERROR)


def _of_event(event: Mapping[str, Any], record: Record, settings: Settings) -> Prospect:
    translation = translate(event, settings, accepted_at=iso_time(record.accepted_at_ms))
    if translation.invalid:
        return Prospect(outcome="die", reason=translation.invalid)
    if translation.skipped:
        return Prospect(outcome="skip", reason=translation.skipped)
    calls = {}
    for index, call in pending_calls(translation.calls, record.accepted):
        request = request_for(call, settings)
        body = encode_body(request.body)
        calls[index] = SentCall(call_index=index, path=request.path, body=body)
    return Prospect(outcome="send" if calls else "finish", calls=calls)
