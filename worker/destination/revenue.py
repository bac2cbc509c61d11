"""Which calls bear revenue, so that counting one twice costs money. Pure."""

from collections.abc import Mapping
from typing import Any

from worker.destination.calls import Call, DeviceEvent, TrackEvent
from worker.destination.event_names import is_order_completed
from worker.destination.fields import text_of
from worker.destination.properties import Properties


def bears_revenue(call: Call, event: Mapping[str, Any]) -> bool:
    """Whether a call reports an order or an amount.

    Every order does, with or without a total; so does a mapped event with an amount, and a
    device event whose amount is its own and not the 1 that stands for none.

    Args:
        call: One of the calls that the event is translated to.
        event: The event.
    """
    if isinstance(call, TrackEvent | DeviceEvent) and is_order_completed(
        text_of(event.get("event")) or ""
    ):
        return True
    if isinstance(call, TrackEvent):
        return call.event_value is not None
    return isinstance(call, DeviceEvent) and Properties(event).revenue is not None
