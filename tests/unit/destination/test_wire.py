"""Calls on the wire: paths, bodies, names and keys."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.settings import Settings
from worker.destination import Call, DeviceEvent, Install, LinkDevice, TrackEvent, TrackUser
from worker.destination.wire import (
    body_of,
    call_name,
    call_type,
    encode_body,
    endpoint_of,
    event_id_of,
    idempotency_key,
    path_of,
)
from worker.journal.records import UNKNOWN_CALL

SETTINGS = Settings(account="acc", client_name="acme", site_id="1234", domain="shop.example.com")

TRACK_USER = TrackUser(domain="d", visitor_id="v", user_id="u", traits={"id": "u", "plan": None})
LINK_DEVICE = LinkDevice(domain="d", device_id="dev", user_id=7)
TRACK_EVENT = TrackEvent(
    domain="d",
    visitor_id="v",
    user_id="u",
    event_type="sale",
    event_id="1",
    event_value=0,
    timestamp="2026-05-04",
)
DEVICE_EVENT = DeviceEvent(
    domain="d", device_id="dev", user_id="u", event_type="Won", event_value=1, timestamp="t"
)
INSTALL = Install(
    domain="d",
    device_id="dev",
    user_id="u",
    app={"name": "Acme"},
    os={},
    advertising_id="a",
    timestamp="t",
)


@pytest.mark.parametrize(
    ("call", "endpoint", "body"),
    [
        pytest.param(
            TRACK_USER,
            "users",
            {"domain": "d", "visitor_id": "v", "user_id": "u", "traits": {"id": "u", "plan": None}},
            id="TrackUser",
        ),
        pytest.param(
            TrackUser(domain="d", user_id="u", traits={}),
            "users",
            {"domain": "d", "user_id": "u", "traits": {}},
            id="TrackUser, least",
        ),
        pytest.param(
            LINK_DEVICE, "users", {"domain": "d", "device_id": "dev", "user_id": 7}, id="LinkDevice"
        ),
        pytest.param(
            TRACK_EVENT,
            "events",
            {
                "domain": "d",
                "visitor_id": "v",
                "user_id": "u",
                "event_type": "sale",
                "event_id": "1",
                "event_value": 0,
                "timestamp": "2026-05-04",
            },
            id="TrackEvent",
        ),
        pytest.param(
            TrackEvent(domain="d", event_type="sale"),
            "events",
            {"domain": "d", "event_type": "sale"},
            id="TrackEvent, least",
        ),
        pytest.param(
            DEVICE_EVENT,
            "events",
            {
                "domain": "d",
                "device_id": "dev",
                "user_id": "u",
                "event_type": "Won",
                "event_value": 1,
                "timestamp": "t",
            },
            id="DeviceEvent",
        ),
        pytest.param(
            INSTALL,
            "installs",
            {
                "domain": "d",
                "device_id": "dev",
                "user_id": "u",
                "app": {"name": "Acme"},
                "os": {},
                "advertising_id": "a",
                "timestamp": "t",
            },
            id="Install",
        ),
        pytest.param(
            Install(domain="d", device_id="dev", app={}, os={}),
            "installs",
            {"domain": "d", "device_id": "dev", "app": {}, "os": {}},
            id="Install, least",
        ),
    ],
)
def test_each_call_has_its_path_and_body(call: Call, endpoint: str, body: dict[str, Any]) -> None:
    assert endpoint_of(call) == endpoint
    assert path_of(endpoint, SETTINGS) == f"/v1/acme/1234/{endpoint}"
    assert list(body_of(call).items()) == list(body.items())


def test_the_path_is_a_setting_whose_names_are_quoted() -> None:
    settings = Settings(
        account="a/b",
        client_name="ü?",
        site_id="1 2",
        path="/{account}/{client_name}/{site_id}/x-{endpoint}",
    )
    assert path_of("events", settings) == "/a%2Fb/%C3%BC%3F/1%202/x-events"


def test_a_body_is_compact_json() -> None:
    body = {"domain": "é", "traits": {"a": [1.5, None], "lone": "\ud800"}}
    assert encode_body(body) == '{"domain":"é","traits":{"a":[1.5,null],"lone":"\\ud800"}}'.encode()


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_every_text_can_be_sent(body: dict[str, str]) -> None:
    assert json.loads(encode_body(body)) == json.loads(json.dumps(body))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (TRACK_USER, "TrackUser"),
        (LINK_DEVICE, "LinkDevice"),
        (TRACK_EVENT, "sale"),
        (DEVICE_EVENT, "DeviceEvent"),
        (INSTALL, "Install"),
    ],
)
def test_calls_are_told_apart_by_type(call: Call, name: str) -> None:
    assert call_type(call) == name


@pytest.mark.parametrize(
    ("event_id", "type_", "ordinal", "number", "key"),
    [
        ("ajs-next-8a4f1c", "sale.new", 1, None, "ajs-next-8a4f1c/sale.new"),
        ("m", "signup", 2, None, "m/signup/2"),
        ("m", "signup", 1, 1, "m/signup~1"),
        ("m", "signup", 3, 12, "m/signup/3~12"),
        ("a/1", "b/2", 1, None, "a%2F1/b%2F2"),
        ("a~1", "b~1", 1, None, "a~1/b%7E1"),
        ("*", "*", 1, None, "*/%2A"),
        ("a b", "c d", 1, None, "a%20b/c%20d"),
        ("100%", "100%25", 1, None, "100%25/100%2525"),
        ("é😀", "ü", 1, None, "%C3%A9%F0%9F%98%80/%C3%BC"),
        ("a\r\nX: 1", "\r\n", 1, None, "a%0D%0AX:%201/%0D%0A"),
        ("\ud800", "s", 1, None, "%ED%A0%80/s"),
        ("!#$&'()*+,-.:;<=>?@[\\]^_`{|}~\"", "s", 1, None, "!#$&'()*+,-.:;<=>?@[\\]^_`{|}~\"/s"),
    ],
)
def test_a_key_is_the_event_and_the_name_of_its_call(
    event_id: str, type_: str, ordinal: int, number: int | None, key: str
) -> None:
    assert idempotency_key(event_id, call_name(type_, ordinal), number) == key


KEY_PARTS = st.tuples(
    st.text(st.characters()),
    st.text(st.characters()),
    st.integers(1, 1000),
    st.none() | st.integers(1, 1000),
)


def parts_of(key: str) -> tuple[str, str, int, int | None]:
    """The parts of a key, read independently of `wire`, which writes it."""
    event_id, _, rest = key.partition("/")
    name, _, number = rest.partition("~")
    type_, _, ordinal = name.partition("/")
    return (
        unquote(event_id, errors="surrogatepass"),
        unquote(type_, errors="surrogatepass"),
        int(ordinal or 1),
        int(number) if number else None,
    )


@given(KEY_PARTS)
@example(("m/sale", "new", 1, None))
@example(("m", "sale/2", 1, None))
@example(("m", "sale~2", 1, None))
def test_a_key_is_a_legal_header_that_is_made_of_nothing_else(
    parts: tuple[str, str, int, int | None],
) -> None:
    """It can be parsed back, so no two different calls of any events have the same key."""
    event_id, type_, ordinal, number = parts
    key = idempotency_key(event_id, call_name(type_, ordinal), number)
    assert all("!" <= character <= "~" for character in key)
    assert parts_of(key) == parts
    assert event_id_of(key) == event_id
    assert call_name(type_, ordinal) != UNKNOWN_CALL
