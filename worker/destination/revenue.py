"""Whether an event bears revenue, even one that is translated to nothing. Pure."""

from collections.abc import Mapping
from typing import Any

from worker.destination.event_names import is_order_completed
from worker.destination.fields import text_of
from worker.destination.properties import Properties


def reports_revenue(event: Mapping[str, Any]) -> bool:
    """Whether an event whose calls are not known is an order or says an amount."""
    if is_order_completed(text_of(event.get("event")) or ""):
        return True
    return Properties(event).total is not None
