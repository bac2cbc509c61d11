"""Plans exactly what is sent for an event. Pure.

Workers send by a plan, `convertro translate` and `dead redrive --diff` show it, and the drill
counts by it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from config.settings import Settings
from convertro.errors import InvalidEvent
from convertro.segment_event import decode
from worker.destination.calls import Call, DeviceEvent, TrackEvent
from worker.destination.event_names import is_order_completed
from worker.destination.fields import text_of
from worker.destination.mobile import DEFAULT_VALUE
from worker.destination.properties import REVENUE, TOTAL, Amount, Properties
from worker.destination.translation import translate
from worker.destination.wire import body_of, call_name, call_type, encode_body, endpoint_of, path_of
from worker.reasons import DeathReason, Note, SkipReason


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it is to be sent, always as a POST."""

    #: The call's name, which stays the same if the mapping changes; the end of its idempotency key.
    name: str
    #: `users`, `events` or `installs`, whatever the path is.
    endpoint: str
    #: Below the base URL, percent-encoded.
    path: str
    #: JSON.
    body: bytes
    #: Whether it reports an order or an amount, so that counting it twice would be wrong revenue.
    bears_revenue: bool


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about an event; exactly one of the first three fields is set."""

    #: The calls to make, in this order.
    calls: tuple[PlannedCall, ...] = ()
    #: The rule by which nothing is sent.
    skipped: SkipReason | None = None
    #: Why the event becomes a dead letter.
    invalid: DeathReason | None = None
    #: Whether an invalid event bears revenue; each call has a field of its own for this.
    bears_revenue: bool = False
    #: What the event's producer should correct; empty for nearly every event.
    notes: tuple[Note, ...] = ()

    def pending(self, accepted: Collection[str]) -> list[PlannedCall]:
        """List the calls that are still to be made.

        Args:
            accepted: Names of calls that Convertro accepted, perhaps under another mapping.
        """
        return [call for call in self.calls if call.name not in accepted]


def plan(event: Mapping[str, Any], settings: Settings, *, accepted_at: str | None = None) -> Plan:
    """Plan what is sent for an event; the arguments are those of `translate`."""
    translation = translate(event, settings, accepted_at=accepted_at)
    if not translation.calls:
        return Plan(
            skipped=translation.skipped,
            invalid=translation.invalid,
            bears_revenue=translation.invalid is not None and reports_revenue(event),
            notes=translation.notes,
        )
    is_order = _is_order(event)
    times: dict[str, int] = {}
    calls = []
    for call in translation.calls:
        name, endpoint = call_type(call), endpoint_of(call)
        times[name] = times.get(name, 0) + 1
        calls.append(
            PlannedCall(
                name=call_name(name, times[name]),
                endpoint=endpoint,
                path=path_of(endpoint, settings),
                body=encode_body(body_of(call)),
                bears_revenue=_bears_revenue(call, event, is_order=is_order),
            )
        )
    return Plan(calls=tuple(calls), notes=translation.notes)


def plan_stored(raw: bytes, accepted_at_ms: int, settings: Settings) -> Plan:
    """Plan what is sent for an event's bytes in the journal, with the time of its acceptance."""
    try:
        event = decode(raw)
    except InvalidEvent:
        return Plan(invalid=DeathReason.INVALID_EVENT)
    return plan(event, settings, accepted_at=_iso_8601(accepted_at_ms))


def _iso_8601(at_ms: int) -> str:
    second, milliseconds = divmod(at_ms, 1000)
    return f"{_second(second)}.{milliseconds:03}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    """Write a second of UTC as ISO 8601 without zone; cached, as many events share a second."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _bears_revenue(call: Call, event: Mapping[str, Any], *, is_order: bool) -> bool:
    """Whether a call reports an order or an amount.

    Every order does, with or without a total. So does a mapped event with an amount, and a device
    event with an amount of its own, other than the default of 1.
    """
    if isinstance(call, TrackEvent):
        return is_order or call.event_value is not None
    if isinstance(call, DeviceEvent):
        if is_order or call.event_value != DEFAULT_VALUE:
            return True
        return Properties(event).amount(REVENUE).value is not None
    return False


def reports_revenue(event: Any) -> bool:
    """Whether an event without calls is an order or has an amount, even an unreadable one."""
    if not isinstance(event, Mapping):
        return False
    return _is_order(event) or Properties(event).amount(TOTAL) != Amount()


def _is_order(event: Mapping[str, Any]) -> bool:
    return is_order_completed(text_of(event.get("event")) or "")
