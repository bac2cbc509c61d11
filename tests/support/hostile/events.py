"""Hypothesis strategies for hostile input: JSON values, events made of them, texts, objects."""

import json
from collections import UserDict
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.events import (
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


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


#: Python values that JSON does not have, and values that are too large or too deep.
ODDITIES: tuple[Any, ...] = (
    *(float("nan"), float("inf"), 1j, 10**4300, 1 << 60_000, b"bytes", bytearray(b"x"), {1, 2}),
    *(Decimal("1.5"), datetime(2026, 5, 4, tzinfo=UTC), object(), {1: 2}, {None: 1}, {("a",): 1}),
    *(_circle(), ({"a": ()},), UserDict({"a": UserDict()}), _deep(98), _deep(99), _deep(150)),
    *(["x" * 60_000] * 3, [[[0] * 40_000] * 100] * 100, {"\ud800" * 20_000: 1}, range(3)),
)

# Not `sampled_from`, because its repr would write all of them out.
_odd = st.integers(0, len(ODDITIES) - 1).map(lambda index: ODDITIES[index])

#: Any text, including halves of surrogate pairs.
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


#: Places at which an event can be broken.
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
_odd_breaks = st.lists(st.tuples(st.sampled_from(PLACES), _odd | values), min_size=1, max_size=3)


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


_makers = st.sampled_from(
    [
        *(web_identify, web_track, order_completed),
        *(mobile_identify, mobile_track, application_installed),
    ]
)

#: Realistic events, each broken in some places.
events = st.builds(_broken, _makers, _breaks)

#: Python objects; some are events, some cannot be JSON.
objects = (
    st.builds(_broken, _makers, _odd_breaks)
    | _odd
    | st.builds(lambda: {"type": "track", "properties": _deep(50_000)})
    | st.builds(UserDict, events)
    | values
)

#: Keys and values of an object, in JSON or nearly.
KEYS = (
    *(b'"type"', b'"messageId"', b'"event"', b'"userId"', b'"properties"', b'"context"'),
    *(b'"__proto__"', b'"constructor"', b'""', b'"\\u0000"', b'"\\ud800"', b'"\xff"', b"1", b"a"),
    *(b'"' + b"N" * 65_536 + b'"', b'"traits"', b'"batch"'),
)
FRAGMENTS = (
    *(b'"track"', b'"identify"', b'"Order Completed"', b"null", b"true", b"{}", b"[]", b'""'),
    *(b"1e999", b"-1e999", b"NaN", b"Infinity", b"-Infinity", b"1" + b"0" * 4000, b"9" * 5000),
    *(b"-0", b"1E400", b"01", b".5", b"1.", b"+1", b"0x10", b"1" * 300 + b".5", b"5e-324"),
    *(b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\ude00\\ud83d"', b'"\xed\xa0\x80"', b'"\xff"'),
    *(b'"\\u0000"', b'"\x00"', b'"\\x"', b"'x'", b'"x', b"nul", b"undefined", b"/*x*/1"),
    *(b'{"a":1,"a":2}', b'{"__proto__":{"type":"x"},"constructor":{"prototype":1}}'),
    *(b"[" * levels + b"]" * levels for levels in (97, 98, 99, 100, 101, 1500, 100_000)),
    *(b'{"a":' * levels + b"1" + b"}" * levels for levels in (98, 99, 100, 20_000)),
    *(b"[" * 100_000, b'"' + b"N" * 65_536 + b'"', b"[" + b"1," * 40_000 + b"1]"),
)

_members = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(FRAGMENTS[:8]) | st.sampled_from(FRAGMENTS)),
    max_size=2,
)
_begins = st.just(b"") | st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"[", b" "])
_ends = st.just(b"}") | st.sampled_from([b"", b"}}", b"},", b"} {}", b"]", b"}\0"])


def _text(
    begin: bytes, event: dict[str, Any], members: Sequence[tuple[bytes, bytes]], end: bytes
) -> bytes:
    text = json.dumps(event, ensure_ascii=False)[:-1].encode("utf-8", "surrogatepass")
    return begin + b",".join([text, *(key + b":" + value for key, value in members)]) + end


def _cut(text: bytes, share: float) -> bytes:
    return text[: int(len(text) * share)]


_whole_texts = st.builds(_text, _begins, events, _members, _ends)

#: Texts that are JSON or nearly: with equal keys, huge numbers, cut off, not UTF-8.
texts = (
    _whole_texts
    | st.builds(_text, st.just(b""), events, _members, st.just(b"}"))
    | st.builds(_cut, _whole_texts, st.floats(0, 1))
    | st.sampled_from(FRAGMENTS)
    | st.binary(max_size=50)
)


def drawn(strategy: st.SearchStrategy[Any], number: int, seeded: int) -> list[Any]:
    """Draw examples, the same for the same seed."""
    examples: list[Any] = []

    @seed(seeded)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(example: Any) -> None:
        examples.append(example)

    draw()
    return examples
