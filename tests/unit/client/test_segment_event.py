"""The checks, bytes and ids of raw events."""

import json
import pickle
from collections.abc import Callable
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convertro.segment_event import (
    MAX_EVENT_BYTES,
    MAX_MESSAGE_ID_LENGTH,
    MAX_NESTING,
    InvalidEvent,
    decode,
    encode,
    event_id,
)
from tests.support.events import ABSENT, order_completed, web_track
from tests.support.hostile import events as hostile


class Kind(StrEnum):
    TRACK = "track"


class Size(IntEnum):
    BIG = 3


def nested(levels: int, wrap: Callable[[Any], Any] = lambda inner: [inner]) -> dict[str, Any]:
    """An event of a number of levels, including itself."""
    inner: Any = []
    for _ in range(levels - 2):
        inner = wrap(inner)
    return {"type": "track", "properties": inner}


def sized(size: int) -> dict[str, Any]:
    """An event of a number of bytes."""
    return {"type": "track", "x": "a" * (size - len(b'{"type":"track","x":""}'))}


def circle() -> dict[str, Any]:
    event: dict[str, Any] = {"type": "track"}
    event["properties"] = [event, event]
    return event


def shared() -> dict[str, Any]:
    """An event that is small in memory, but 2**60 times as large as JSON."""
    part: Any = [1]
    for _ in range(60):
        part = [part, part]
    return {"type": "track", "properties": part}


REFUSED: list[tuple[str, Any, str, str]] = [
    ("null", None, "event", "must be a JSON object, not null"),
    ("list", [{"type": "track"}], "event", "must be a JSON object, not a value of type list"),
    ("text", '{"type": "track"}', "event", "must be a JSON object, not a value of type str"),
    ("bytes", b"{}", "event", "must be a JSON object"),
    ("empty", {}, "type", "is missing"),
    ("no type", web_track(type=ABSENT), "type", "is missing"),
    ("type null", web_track(type=None), "type", "must be a string, not null"),
    ("type number", web_track(type=1), "type", "must be a string, not a value of type int"),
    ("type in a list", web_track(type=["track"]), "type", "must be a string"),
    ("too large", sized(MAX_EVENT_BYTES + 1), "event", "is larger than 65536 bytes"),
    ("too large by bytes", web_track(x="é" * 32_760), "event", "is larger than 65536 bytes"),
    ("many small values", web_track(x=[0] * 40_000), "event", "is larger than 65536 bytes"),
    ("huge by sharing", shared(), "event", "is larger than 65536 bytes"),
    ("huge list", web_track(x=[None] * 5_000_000), "event", "is larger than 65536 bytes"),
    ("long id", web_track(messageId="m" * 101), "messageId", "is longer than 100 characters"),
    *(
        (f"id with {character!r}", web_track(messageId=f"m{character}"), "messageId", "holds contr")
        for character in "\0\n\r\t\x1b\x7f\x85\ud800\udfff"
    ),
    ("NaN", web_track(x=float("nan")), "x", "holds NaN or Infinity"),
    ("Infinity", web_track(properties={"a": [float("-inf")]}), "properties", "holds NaN or Inf"),
    ("too many digits", web_track(x=[10**4300]), "x", "holds a number of too many digits"),
    ("bytes inside", web_track(context={"ip": b"::1"}), "context", "holds a value of type bytes"),
    ("set", web_track(traits={("a", 1)}), "traits", "holds a value of type set"),
    ("number as a key", {1: 2, "type": "track"}, "event", "has a key that is not a string but"),
    ("null as a key", web_track(properties={None: 1}), "properties", "has a key that is not a str"),
    ("number beside text as keys", web_track(x={1: "a", "1": "b"}), "x", "has a key that is not"),
    ("too deep", nested(MAX_NESTING + 1), "properties", "is nested more than 100 levels deep"),
    ("far too deep", nested(200_000), "properties", "is nested more than 100 levels deep"),
    (
        "too deep in objects",
        nested(MAX_NESTING + 1, lambda inner: {"a": inner}),
        "properties",
        "is nested more than 100 levels deep",
    ),
    ("circle", circle(), "properties", "is nested more than 100 levels deep"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "field", "reason"), [pytest.param(*r, id=i) for i, *r in REFUSED]
)
def test_what_is_no_event_is_refused_by_name(event: Any, field: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        encode(event)
    assert caught.value.field == field
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == f"{field} {caught.value.reason}"


def test_the_error_is_a_value_error_that_survives_pickling() -> None:
    error = InvalidEvent("type", "is missing")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ValueError)
    assert (again.field, again.reason, str(again)) == ("type", "is missing", "type is missing")


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(order_completed(), id="complete"),
        pytest.param({"type": ""}, id="empty type"),
        pytest.param(web_track(messageId="é" * MAX_MESSAGE_ID_LENGTH), id="long id"),
        pytest.param(web_track(messageId=7), id="numeric id"),
        pytest.param(web_track(messageId=None), id="null id"),
        pytest.param(sized(MAX_EVENT_BYTES), id="as large as can be"),
        pytest.param(nested(MAX_NESTING), id="as deep as can be"),
        pytest.param(web_track(x=[[]] * 200), id="many brackets, not deep"),
        pytest.param(web_track(x=[[]] * 21_500), id="as many parts as can be"),
        pytest.param(web_track(x=[1e308, -0.0, 10**400, 2**53, True, None]), id="numbers"),
        pytest.param(web_track(x="\ud800", **{"\udfff": 1}), id="lone surrogates"),
        pytest.param(web_track(x='\0\n"\\\u2028é😀'), id="strange text"),
    ],
)
def test_an_event_comes_back_as_it_was(event: dict[str, Any]) -> None:
    raw = encode(event)
    assert decode(raw) == event
    assert list(decode(raw)) == list(event)


@pytest.mark.parametrize(
    ("event", "raw"),
    [
        ({"type": "track", "b": 1, "a": [1.5, None]}, b'{"type":"track","b":1,"a":[1.5,null]}'),
        ({"type": "é"}, '{"type":"é"}'.encode()),
        ({"type": "\ud800é"}, '{"type":"\\ud800é"}'.encode()),
        ({"type": "\ud83d\ude00"}, rb'{"type":"\ud83d\ude00"}'),
        ({"type": "a", "x": (1, (2,))}, b'{"type":"a","x":[1,[2]]}'),
        ({"type": Kind.TRACK, "x": Size.BIG}, b'{"type":"track","x":3}'),
        (
            MappingProxyType({"type": "a", "x": [MappingProxyType({"b": 1})]}),
            b'{"type":"a","x":[{"b":1}]}',
        ),
    ],
)
def test_an_event_is_written_as_compact_json(event: Any, raw: bytes) -> None:
    assert encode(event) == raw
    decode(raw)


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        pytest.param(b"", "event", "is not JSON", id="nothing"),
        pytest.param(b"{", "event", "is not JSON", id="cut off"),
        pytest.param(b'{"type":"a"} x', "event", "is not JSON", id="more behind it"),
        pytest.param(b'{"type":"\xff"}', "event", "is not JSON", id="not UTF-8"),
        pytest.param(b'{"type":"\xed\xa0\x80"}', "event", "is not JSON", id="surrogate in UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"type":"a"}', "event", "is not JSON", id="byte order mark"),
        pytest.param(b'{"type":"a","x":NaN}', "event", "is not JSON: it holds NaN", id="NaN"),
        pytest.param(b'{"type":"a","x":-Infinity}', "event", "is not JSON", id="Infinity"),
        pytest.param(b'{"type":"a","x":1e999}', "event", "is not JSON: it holds", id="overflow"),
        pytest.param(b'{"type":"a","x":-1e999}', "event", "is not JSON: it holds", id="underflow"),
        pytest.param(b'{"x":' + b"9" * 4301 + b"}", "event", "is not JSON", id="digits"),
        pytest.param(b"[" * 60_000, "event", "is nested more", id="far too deep"),
        pytest.param(
            b'{"type":"a","x":' + b"[" * 100 + b"]" * 100 + b"}",
            "x",
            "is nested more than 100 levels deep",
            id="too deep",
        ),
        pytest.param(b"[]", "event", "must be a JSON object", id="list"),
        pytest.param(b"null", "event", "must be a JSON object, not null", id="null"),
        pytest.param(b"{}", "type", "is missing", id="no type"),
        pytest.param(b'{"type":1}', "type", "must be a string", id="type"),
        pytest.param(
            b'{"type":"a","messageId":"' + b"m" * 101 + b'"}', "messageId", "is longer", id="id"
        ),
        pytest.param(b'{"type":"a","messageId":"\\u0000"}', "messageId", "holds c", id="NUL"),
        pytest.param(b'{"type":"a"}' + b" " * 65_536, "event", "is larger than", id="too large"),
    ],
)
def test_bytes_that_are_no_event_are_refused(raw: bytes, field: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode(raw)
    assert caught.value.field == field
    assert caught.value.reason.startswith(reason)


def test_a_refusal_does_not_repeat_what_the_event_says() -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode(b'{"type":"track","properties":{"email":"ada@example.com","income":1234e999}}')
    assert "ada" not in str(caught.value)
    assert "1234" not in str(caught.value)


def test_the_last_of_equal_keys_wins() -> None:
    assert decode(b'{"type":"a","x":1,"type":"b","x":2}') == {"type": "b", "x": 2}


@given(st.binary() | st.text(st.sampled_from('{}[]":,type01eE-+.\\uNa ')).map(str.encode))
def test_nothing_but_invalid_event_is_raised_for_any_bytes(raw: bytes) -> None:
    try:
        event = decode(raw)
    except InvalidEvent:
        return
    assert isinstance(event["type"], str)


@given(hostile.events)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_can_be_written_can_be_read_back(event: dict[str, Any]) -> None:
    try:
        raw = encode(event)
    except InvalidEvent:
        return
    again = decode(raw)
    assert decode(encode(again)) == again
    if not event_id(event, raw).startswith("random-"):
        assert event_id(event, raw) == event_id(again, encode(again))
    # Two lone halves side by side are one character once they went through JSON.
    assert again == json.loads(json.dumps(event))


def known_by(event: Any) -> str:
    return event_id(event, encode(event))


@pytest.mark.parametrize(
    ("message_id", "identifier"),
    [
        *((text, text) for text in ("m 1", " m", "0", "nil", "NULL", "null null")),
        *((7, "7"), (-7, "-7"), (1.5, "1.5"), (1001.0, "1001"), (2**63, "9223372036854775808")),
    ],
)
def test_an_event_is_known_by_its_message_id(message_id: Any, identifier: str) -> None:
    assert known_by(web_track(messageId=message_id)) == identifier


WITHOUT_ID = (
    *(ABSENT, None, "", " ", "\n\t", "\u00a0", 0, 0.0, True, False, ["m"], {}, 10**100, 10**400),
    *("null", "undefined", "NaN", "None", "<nil>", "(null)", "[object Object]"),
)


@pytest.mark.parametrize("message_id", WITHOUT_ID)
def test_an_event_without_one_that_has_a_time_is_known_by_its_content(message_id: Any) -> None:
    event = web_track(messageId=message_id, x={"b": [1, {"d": "é", "c": "\ud800"}], "a": 2})
    turned = dict(reversed(event.items())) | {"x": dict(reversed(event["x"].items()))}
    raw = encode(event)
    identifier = event_id(event, raw)
    assert raw != encode(turned)
    assert identifier == known_by(turned) == event_id(decode(raw), raw)
    assert identifier.startswith("digest-")
    assert len(identifier) == len("digest-") + 32
    assert known_by(event | {"x": 1}) != identifier


def test_when_an_event_was_sent_does_not_make_it_another() -> None:
    event = web_track(messageId=ABSENT, sentAt=ABSENT)
    again = [event | {"sentAt": value} for value in ("2026-05-04T10:15:30Z", None, 5, {})]
    assert {known_by(one) for one in again} == {known_by(event)}
    assert known_by(event | {"context": {"sentAt": 1}}) != known_by(event)


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
@pytest.mark.parametrize(
    ("value", "tells"),
    [
        *((value, True) for value in ("2026-05-04T10:15:30Z", "4 May", 1777889730, 1.5)),
        *((value, True) for value in ("1970-01-01T00:00:01Z", "0001-01-02")),
        *((value, False) for value in (ABSENT, None, "", " ", 0, True, [], "null", "undefined")),
        *((value, False) for value in ("Invalid Date", "yesterday", "0000-00-00 00:00:00", "0")),
        *((value, False) for value in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000+00:00")),
    ],
)
def test_without_an_id_or_a_time_of_its_own_each_event_is_another(
    field: str, value: Any, tells: bool
) -> None:
    times = {"timestamp": ABSENT, "originalTimestamp": ABSENT, field: value}
    event = web_track(messageId=ABSENT, **times)
    assert event.get("receivedAt")
    assert event.get("sentAt")
    identifiers = {known_by(event) for _ in range(3)}
    assert len(identifiers) == (1 if tells else 3)
    assert all(len(one) == len("random-") + 32 for one in identifiers)
    prefix = "digest-" if tells else "random-"
    assert all(one.startswith(prefix) for one in identifiers)


def test_content_is_the_same_whatever_python_types_hold_it() -> None:
    at = "2026-05-04"
    one: Any = {"type": "a", "timestamp": at, "x": (1, 2), "y": MappingProxyType({"b": 1})}
    other = {"type": "a", "timestamp": at, "x": [1, 2], "y": {"b": 1}}
    assert known_by(one) == known_by(other)


def test_an_id_is_stable_over_releases() -> None:
    # sha256 of {"a":1,"timestamp":"2026-05-04","type":"track"}; changing it would double events
    # over an upgrade.
    event = {"type": "track", "a": 1, "timestamp": "2026-05-04", "sentAt": "2026-05-05"}
    assert known_by(event) == "digest-1dc0696827cb5a33faf46338e46a3bba"
