"""The contract of Convertro's endpoints as the sandbox checks it."""

import dataclasses
import json
from typing import Any

import pytest

from worker.destination import calls
from worker.lab.sandbox import contract
from worker.lab.sandbox.contract import Body, Violation, endpoint_of, violation_of

TRACK_USER = {"domain": "shop.example", "user_id": "u-1", "traits": {"id": "u-1", "plan": None}}
LINK_DEVICE = {"domain": "shop.example", "device_id": "d-1", "user_id": "u-1"}
TRACK_EVENT = {
    "domain": "shop.example",
    "visitor_id": "v-1",
    "user_id": "u-1",
    "event_type": "sale.new",
    "event_id": "order-7",
    "event_value": 19.99,
    "currency": "EUR",
    "timestamp": "2026-03-01T12:30:00.123Z",
}
DEVICE_EVENT = {
    "domain": "shop.example",
    "device_id": "d-1",
    "event_type": "Level Completed",
    "event_value": 1,
    "timestamp": "2026-03-01T12:30:00+01:00",
}
INSTALL = {
    "domain": "shop.example",
    "device_id": "d-1",
    "user_id": "42",
    "app": {"name": "Shop", "version": "1.2", "build": 120, "namespace": "com.shop"},
    "os": {"name": "iOS", "version": "19.1"},
    "advertising_id": "6D92078A",
    "timestamp": "2026-03-01",
}


def checked(endpoint: str | None, body: Any, **overrides: Any) -> Violation | None:
    """Check a request that is valid except for what the test gives."""
    right = {
        "method": "POST",
        "content_type": "application/json",
        "key": "evt-1/0",
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
    }
    return violation_of(endpoint=endpoint, **(right | overrides))


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        pytest.param("users", TRACK_USER, id="TrackUser"),
        pytest.param("users", TRACK_USER | {"visitor_id": "v-1"}, id="TrackUser-visitor"),
        pytest.param("users", TRACK_USER | {"traits": {}}, id="TrackUser-without-traits"),
        pytest.param("users", LINK_DEVICE, id="LinkDevice"),
        pytest.param("events", TRACK_EVENT, id="TrackEvent"),
        pytest.param("events", without(TRACK_EVENT, "visitor_id"), id="TrackEvent-user-only"),
        pytest.param(
            "events",
            without(TRACK_EVENT, "user_id", "event_id", "event_value", "currency", "timestamp"),
            id="TrackEvent-least",
        ),
        pytest.param("events", DEVICE_EVENT, id="DeviceEvent"),
        pytest.param(
            "events",
            DEVICE_EVENT | {"event_id": "order-7", "currency": "SEK"},
            id="DeviceEvent-order",
        ),
        pytest.param("events", DEVICE_EVENT | {"event_value": 10**400}, id="DeviceEvent-huge"),
        pytest.param("installs", INSTALL, id="Install"),
        pytest.param("installs", INSTALL | {"app": {}, "os": {}}, id="Install-least"),
    ],
)
def test_a_body_that_keeps_the_contract_is_accepted(endpoint: str, body: dict[str, Any]) -> None:
    assert checked(endpoint, body) is None


@pytest.mark.parametrize(
    ("endpoint", "body", "message"),
    [
        ("users", without(TRACK_USER, "traits"), "traits is required"),
        ("users", without(TRACK_USER, "user_id"), "user_id is required"),
        ("users", TRACK_USER | {"traits": []}, "traits must be an object"),
        ("users", TRACK_USER | {"user_id": ""}, "user_id must be a non-empty string"),
        ("users", TRACK_USER | {"user_id": True}, "user_id must be a non-empty string"),
        ("users", TRACK_USER | {"user_id": 42}, "user_id must be a non-empty string"),
        ("users", TRACK_USER | {"visitor_id": 7}, "visitor_id must be a non-empty string"),
        ("users", LINK_DEVICE | {"user_id": 1.5}, "user_id must be a non-empty string"),
        ("events", TRACK_EVENT | {"currency": "eur"}, "currency must be three capital letters"),
        ("events", TRACK_EVENT | {"currency": "EURO"}, "currency must be three capital letters"),
        ("events", DEVICE_EVENT | {"currency": 978}, "currency must be three capital letters"),
        ("events", DEVICE_EVENT | {"event_id": 7}, "event_id must be a non-empty string"),
        ("users", TRACK_USER | {"visitor_id": None}, "visitor_id is null; an absent value is left"),
        ("users", TRACK_USER | {"email": "a@b.example"}, "unknown field: email"),
        ("users", TRACK_USER | {"device_id": "d-1"}, "unknown field: traits"),
        ("users", LINK_DEVICE | {"device_id": ""}, "device_id must be a non-empty string"),
        ("users", LINK_DEVICE | {"device_id": 7}, "device_id must be a non-empty string"),
        ("users", LINK_DEVICE | {"device_id": None}, "device_id is null"),
        ("events", without(TRACK_EVENT, "domain"), "domain is required"),
        ("events", TRACK_EVENT | {"domain": ""}, "domain must be a non-empty string"),
        ("events", TRACK_EVENT | {"event_type": 3}, "event_type must be a non-empty string"),
        ("events", TRACK_EVENT | {"event_id": 3}, "event_id must be a non-empty string"),
        ("events", TRACK_EVENT | {"event_value": "3"}, "event_value must be a finite number"),
        ("events", TRACK_EVENT | {"event_value": False}, "event_value must be a finite number"),
        ("events", TRACK_EVENT | {"timestamp": "today"}, "timestamp must be an ISO 8601 string"),
        ("events", TRACK_EVENT | {"timestamp": 1772368200}, "timestamp must be an ISO 8601 string"),
        (
            "events",
            without(TRACK_EVENT, "visitor_id", "user_id"),
            "one of visitor_id, user_id and device_id is required",
        ),
        ("events", without(DEVICE_EVENT, "event_value"), "event_value is required"),
        ("events", DEVICE_EVENT | {"visitor_id": "v-1"}, "unknown field: visitor_id"),
        ("installs", without(INSTALL, "device_id"), "device_id is required"),
        ("installs", without(INSTALL, "app"), "app is required"),
        ("installs", INSTALL | {"app": {"version": None}}, "app must be an object of name, ver"),
        ("installs", INSTALL | {"app": {"size": 1}}, "app must be an object of name, version"),
        ("installs", INSTALL | {"os": {"name": True}}, "os must be an object of name, version,"),
        ("installs", INSTALL | {"os": "iOS"}, "os must be an object of name, version,"),
        ("installs", INSTALL | {"advertising_id": 1}, "advertising_id must be a non-empty string"),
        ("installs", INSTALL | {"event_type": "Install"}, "unknown field: event_type"),
    ],
)
def test_a_body_that_breaks_the_contract_is_refused_in_words(
    endpoint: str, body: dict[str, Any], message: str
) -> None:
    violation = checked(endpoint, body)
    assert violation is not None
    assert violation.status == 400
    assert violation.message.startswith(message)


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    violation = checked("installs", {"domain": "", "app": {}, "os": {}, "price": 1})
    assert violation == Violation(
        400, "device_id is required; domain must be a non-empty string; unknown field: price"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "the body is not JSON", id="empty"),
        pytest.param(b"{", "the body is not JSON", id="cut-off"),
        pytest.param(b"\xff\xfe", "the body is not JSON", id="not-utf-8"),
        pytest.param(b'{"event_value": NaN}', "the body is not JSON: NaN", id="NaN"),
        pytest.param(b'{"event_value": 1e999}', "the body is not JSON: 1e999", id="infinite"),
        pytest.param(b"[" * 100_000, "the body is not JSON", id="too-deep"),
        pytest.param(b"[]", "the body must be a JSON object", id="list"),
        pytest.param(b"null", "the body must be a JSON object", id="null"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, message: str) -> None:
    violation = checked("events", body)
    assert violation is not None
    assert violation.status == 400
    assert violation.message.startswith(message)


@pytest.mark.parametrize(
    ("overrides", "status", "message"),
    [
        pytest.param({"endpoint": None}, 404, "no such path", id="path"),
        pytest.param({"method": "GET"}, 405, "GET is not allowed", id="method"),
        pytest.param({"content_type": ""}, 415, "the content type must be", id="no-type"),
        pytest.param({"content_type": "text/plain"}, 415, "the content type must be", id="text"),
        pytest.param({"key": ""}, 400, "the Idempotency-Key header is required", id="no-key"),
        pytest.param({"key": "a b/0"}, 400, "the Idempotency-Key header must be", id="blank"),
        pytest.param({"key": "é/0"}, 400, "the Idempotency-Key header must be", id="not-ascii"),
    ],
)
def test_the_request_around_the_body_is_checked(
    overrides: dict[str, Any], status: int, message: str
) -> None:
    violation = checked(**({"endpoint": "events", "body": TRACK_EVENT} | overrides))
    assert violation is not None
    assert violation.status == status
    assert violation.message.startswith(message)


def test_a_content_type_may_name_its_charset() -> None:
    right = "Application/JSON; charset=utf-8"
    assert checked("events", TRACK_EVENT, content_type=right) is None


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/acme/site-1/users", "users"),
        ("/v1/acme/site-1/events", "events"),
        ("/v1/a%2Fb/site-1/installs", "installs"),
        ("/v1/acme/site-1/events/", None),
        ("/v1/acme/events", None),
        ("/v1//site-1/events", None),
        ("/v2/acme/site-1/events", None),
        ("/v1/acme/site-1/orders", None),
        ("/", None),
    ],
)
def test_the_endpoint_is_the_last_segment_below_client_and_site(
    path: str, endpoint: str | None
) -> None:
    assert endpoint_of(path) == endpoint


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (calls.TrackUser, contract.TRACK_USER),
        (calls.LinkDevice, contract.LINK_DEVICE),
        (calls.TrackEvent, contract.TRACK_EVENT),
        (calls.DeviceEvent, contract.DEVICE_EVENT),
        (calls.Install, contract.INSTALL),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_sandbox_knows_the_fields_that_the_worker_sends(call: type, body: Body) -> None:
    fields = dataclasses.fields(call)
    assert {field.name for field in fields} == set(body.required) | set(body.optional)
    assert {f.name for f in fields if f.default is dataclasses.MISSING} == set(body.required)
