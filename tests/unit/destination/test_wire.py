"""Calls on the wire: paths, bodies, keys, and which calls are still to be made."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from worker.destination import Call, DeviceEvent, Install, LinkDevice, TrackEvent, TrackUser
from worker.destination.wire import (
    CallRequest,
    call_name,
    encode_body,
    idempotency_key,
    pending_calls,
    request_for,
)

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
    request = request_for(call, SETTINGS)
    assert request == CallRequest(f"/v1/acme/1234/{endpoint}", body)
    assert list(request.body) == list(body)


def test_paths_are_a_setting_whose_names_are_quoted() -> None:
    settings = Settings(
        account="a/b",
        client_name="ü?",
        site_id="1 2",
        events_path="/{account}/{client_name}/{site_id}",
    )
    assert request_for(TRACK_EVENT, settings).path == "/a%2Fb/%C3%BC%3F/1%202"


def test_a_body_is_compact_json() -> None:
    body = {"domain": "é", "traits": {"a": [1.5, None], "lone": "\ud800"}}
    assert encode_body(body) == '{"domain":"é","traits":{"a":[1.5,null],"lone":"\\ud800"}}'.encode()


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_every_text_can_be_sent(body: dict[str, str]) -> None:
    assert json.loads(encode_body(body)) == json.loads(json.dumps(body))


@pytest.mark.parametrize(
    ("event_id", "index", "key"),
    [
        ("ajs-next-8a4f1c", 0, "ajs-next-8a4f1c/0"),
        ("a/1", 2, "a/1/2"),
        ("a b", 0, "a%20b/0"),
        ("100%", 0, "100%25/0"),
        ("100%25", 0, "100%2525/0"),
        ("é😀", 0, "%C3%A9%F0%9F%98%80/0"),
        ("a\r\nX: 1", 0, "a%0D%0AX:%201/0"),
        ("\ud800", 0, "%ED%A0%80/0"),
        ("!#$&'()*+,-./:;<=>?@[\\]^_`{|}~\"", 0, "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~\"/0"),
        ("", 11, "/11"),
    ],
)
def test_a_key_is_the_event_and_the_index(event_id: str, index: int, key: str) -> None:
    assert idempotency_key(event_id, index) == key


@given(st.text(st.characters()), st.integers(0, 1000))
def test_a_key_is_a_legal_header_that_names_one_call(event_id: str, index: int) -> None:
    key = idempotency_key(event_id, index)
    assert all("!" <= character <= "~" for character in key)
    quoted, _, number = key.rpartition("/")
    assert (unquote(quoted, errors="surrogatepass"), int(number)) == (event_id, index)


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
def test_calls_are_told_apart_by_name(call: Call, name: str) -> None:
    assert call_name(call) == name


def events(*types: str) -> tuple[TrackEvent, ...]:
    return tuple(TrackEvent(domain="d", event_type=name) for name in types)


@pytest.mark.parametrize(
    ("types", "accepted", "pending"),
    [
        pytest.param("ab", {}, [(0, "a"), (1, "b")], id="nothing accepted"),
        pytest.param("ab", {0: "a"}, [(1, "b")], id="first accepted"),
        pytest.param("ab", {1: "b"}, [(0, "a")], id="second accepted"),
        pytest.param("ab", {0: "a", 1: "b"}, [], id="all accepted"),
        pytest.param("", {}, [], id="no calls"),
        pytest.param("", {0: "a"}, [], id="calls that are no longer meant"),
        # the mapping changed
        pytest.param("ba", {0: "a"}, [(2, "b")], id="turned round: 0 is taken, 1 is a's place"),
        pytest.param("ca", {0: "a", 1: "b"}, [(2, "c")], id="one replaced by another"),
        pytest.param("cd", {0: "a", 1: "b"}, [(2, "c"), (3, "d")], id="all replaced"),
        pytest.param("xa", {1: "a"}, [(0, "x")], id="one added before"),
        pytest.param("c", {0: "a", 5: "b"}, [(6, "c")], id="beyond the accepted"),
        pytest.param("cde", {0: "a"}, [(3, "c"), (1, "d"), (2, "e")], id="beyond the calls"),
        pytest.param("a", {7: "a"}, [], id="recognised anywhere"),
        # two that are alike
        pytest.param("aa", {0: "a"}, [(1, "a")], id="each accepted one is used up once"),
        pytest.param("aa", {1: "a"}, [(0, "a")], id="the one in its place is the accepted one"),
        pytest.param("aa", {0: "a", 1: "a"}, [], id="both alike accepted"),
        pytest.param("aab", {2: "a"}, [(1, "a"), (3, "b")], id="one moved away"),
    ],
)
def test_calls_that_were_accepted_are_not_made_again(
    types: str, accepted: dict[int, str], pending: list[tuple[int, str]]
) -> None:
    result = pending_calls(events(*types), accepted)
    assert [(index, call_name(call)) for index, call in result] == pending


def test_other_calls_are_recognised_by_their_class() -> None:
    assert pending_calls((TRACK_USER,), {0: "TrackUser"}) == ()
    assert pending_calls((LINK_DEVICE,), {0: "TrackUser"}) == ((1, LINK_DEVICE),)


NAMES = st.sampled_from("abc")


@given(st.lists(NAMES, max_size=6), st.dictionaries(st.integers(0, 8), NAMES, max_size=6))
def test_every_pending_call_has_an_index_of_its_own(
    types: list[str], accepted: dict[int, str]
) -> None:
    calls = events(*types)
    pending = pending_calls(calls, accepted)
    indexes = [index for index, _ in pending]
    assert len(indexes) == len(set(indexes))
    assert not set(indexes) & set(accepted)
    done = list(accepted.values())
    for name in "abc":
        left = sum(call_name(call) == name for _, call in pending)
        assert left == max(0, types.count(name) - done.count(name))
    for index, call in pending:
        assert index >= len(calls) or calls[index] == call


@given(st.lists(NAMES, max_size=6), st.data())
def test_a_retry_makes_the_rest_under_the_same_indexes(
    types: list[str], data: st.DataObject
) -> None:
    calls = events(*types)
    done = data.draw(st.sets(st.sampled_from(range(len(types))))) if types else set()
    accepted = {index: types[index] for index in done}
    expected = tuple((index, call) for index, call in enumerate(calls) if index not in done)
    assert pending_calls(calls, accepted) == expected
