"""Checks what must hold for every would-be event, however hostile."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from config.settings import Settings
from convertro.segment_event import (
    MAX_EVENT_BYTES,
    MAX_MESSAGE_ID_LENGTH,
    InvalidEvent,
    decode,
    encode,
    event_id,
)
from worker.destination.plan import plan
from worker.destination.wire import event_id_of, idempotency_key
from worker.lab.sandbox.contract import endpoint_of, violation_of

EVENTS = {"Signed Up": "signup", "Order Completed": "order", "N": "n"}
DESTINATIONS = [
    Settings(
        client_name="acme",
        site_id="1234",
        domain="shop.example.com",
        events=EVENTS,
        hybrid_attribution_model=hybrid,
    )
    for hybrid in (True, False)
]


def accepts(event: Any) -> bool:
    """Whether an event is accepted; if so, check that all further steps succeed."""
    try:
        raw = encode(event)
    except InvalidEvent as refused:
        _check_refusal(refused)
        return False
    assert len(raw) <= MAX_EVENT_BYTES
    stored = decode(raw)
    assert stored == json.loads(json.dumps(event, default=_plain))
    assert decode(encode(stored)) == stored
    identifier = event_id(event, raw)
    assert 0 < len(identifier) <= MAX_MESSAGE_ID_LENGTH
    if not identifier.startswith("random-"):
        assert event_id(stored, encode(stored)) == identifier
    for destination in DESTINATIONS:
        _check_calls(stored, identifier, destination)
    return True


def _plain(value: Any) -> Any:
    """The JSON value for a Python value of a type that JSON does not have."""
    if isinstance(value, Decimal):
        return float(value)
    return dict(value) if isinstance(value, Mapping) else value.isoformat()


def accepts_text(text: bytes) -> bool:
    """Whether a text is accepted, as read by the journal or by the command line."""
    try:
        read = json.loads(text.decode())
    except (ValueError, RecursionError):
        read = None
    loosely = read is not None and accepts(read)
    try:
        event = decode(text)
    except InvalidEvent as refused:
        _check_refusal(refused)
        return loosely
    # The journal's reader is stricter than `json`: what it reads is accepted, unless it becomes too
    # large when it is written again.
    return accepts(event) or loosely


def _check_refusal(refused: InvalidEvent) -> None:
    """Check that a refusal names the field and is a sentence rather than a copy of the event."""
    assert refused.field
    assert len(str(refused)) < 200
    assert str(refused).isprintable()


def _check_calls(event: dict[str, Any], identifier: str, destination: Settings) -> None:
    calls = plan(event, destination, accepted_at="2026-05-04T10:15:30Z").calls
    keys = [idempotency_key(identifier, call.name) for call in calls]
    assert len(set(keys)) == len(keys)
    for call, key in zip(calls, keys, strict=True):
        assert event_id_of(key) == identifier
        endpoint = endpoint_of(call.path)
        assert endpoint == call.endpoint
        assert violation_of("POST", endpoint, "application/json", key, call.body) is None
