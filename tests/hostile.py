"""Hypothesis strategies for JSON that nobody would send, and for events made of it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.events import (
    ABSENT,
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    web_identify,
    web_track,
)


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"__proto__": value}
    return value


#: Values at the edges of what JSON can hold.
EDGES = (
    *("", " ", "\0", "\ud800", "\ud83d\ude00", "__proto__", "constructor", "a\r\nb", "N" * 60_000),
    *("_" * 60_000, "1," * 30_000, "true", "false", "NaN", "-Infinity", "1e999", "$1,234.50"),
    *(0, -0.0, 1, 1e308, -1e-308, 2**63, 10**400, -(10**4299), True, False, None),
    *([], {}, [[]], {"": {}}, {"__proto__": {"id": 1}}, _deep(90)),
)  # fmt: skip

#: Any text, halves of surrogate pairs too.
text = st.text(st.characters(), max_size=20)

scalars = (
    st.sampled_from(EDGES)
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)

values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(text | st.just("id"), inner, max_size=4)
    ),
    max_leaves=6,
)


#: Where an event can be broken.
PLACES = (
    *("type", "messageId", "userId", "anonymousId", "event", "properties", "traits", "channel"),
    *("timestamp", "originalTimestamp", "receivedAt", "integrations", "integrations.All"),
    *("integrations.Convertro", "context", "context.channel", "context.library"),
    *("context.library.name", "context.page", "context.page.url", "context.userAgent"),
    *("context.device", "context.device.id", "context.device.type"),
    *("context.device.advertisingId", "context.app", "context.app.build", "context.os"),
    *("context.os.name", "properties.id", "properties.orderId", "properties.order_id"),
    *("properties.total", "properties.revenue", "properties.repeat", "traits.id"),
)

_breaks = st.lists(st.tuples(st.sampled_from(PLACES), st.just(ABSENT) | values), max_size=5)


def _broken(make: Callable[[], dict[str, Any]], breaks: list[tuple[str, Any]]) -> dict[str, Any]:
    event = make()
    for place, value in breaks:
        *path, last = place.split(".")
        holder: Any = event
        for name in path:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and value is ABSENT:
            holder.pop(last, None)
        elif isinstance(holder, dict):
            holder[last] = deepcopy(value)
    return event


#: Realistic events, each broken in some places.
events = st.builds(
    _broken,
    st.sampled_from(
        [
            *(web_identify, web_track, order_completed),
            *(mobile_identify, mobile_track, application_installed),
        ]
    ),
    _breaks,
)
