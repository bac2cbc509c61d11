"""Realistic raw Segment events of every kind, each with its expected fate."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

WEB_CONTEXT = {
    "library": {"name": "analytics.js", "version": "2.1.0"},
    "page": {"url": "https://shop.example.com/cart", "path": "/cart", "title": "Cart"},
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
    "locale": "en-GB",
}

PHONE_CONTEXT = {
    "library": {"name": "analytics-ios", "version": "4.1.8"},
    "app": {"name": "Acme", "version": "3.2.1", "build": "3210", "namespace": "com.example.acme"},
    "device": {
        "id": "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB",
        "advertisingId": "7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB",
        "type": "ios",
    },
    "os": {"name": "iOS", "version": "17.4"},
}

#: Ids of events for which the sandbox fails, by fault rules.
FAILING_ID = "demo-vendor-fails-twice"
REFUSED_ID = "demo-vendor-says-400"

#: The worker's settings that the samples need.
ENVIRONMENT = {
    "CONVERTRO_EVENTS": '{"Signed Up": "signup"}',
    "CONVERTRO_HYBRID_ATTRIBUTION_MODEL": "true",
}


class SampleFate(StrEnum):
    """What can become of an event."""

    DELIVERED = "delivered"
    SKIPPED = "skipped"
    DEAD = "dead letter"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Sample:
    """An event to enqueue, and its expected fate."""

    title: str
    event: Any
    fate: SampleFate = SampleFate.DELIVERED
    #: The reason, where the fate has one.
    why: str = ""
    #: The number of calls that the sandbox should accept for it.
    calls: int = 0
    #: Whether it is posted to the collector, as Segment's SDKs do, instead of enqueued here.
    posted: bool = False


def _web(message_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "type": kind,
        "anonymousId": "507f191e-810c-4197-9b4d-c1f8b3a7e2aa",
        "userId": "user-97980",
        "timestamp": "2026-05-04T10:15:30.123Z",
        "context": WEB_CONTEXT,
        **fields,
    }


def _phone(message_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    return _web(message_id, kind, **{"context": PHONE_CONTEXT, **fields})


def _order(message_id: str, **properties: Any) -> dict[str, Any]:
    order = {"orderId": "50314b8e", "total": 27.5, "currency": "EUR", **properties}
    return _web(message_id, "track", event="Order Completed", properties=order)


def _without(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}


SIGNED_UP = _web("demo-signed-up", "track", event="Signed Up", properties={"plan": "Pro"})

SAMPLES = (
    Sample(
        "web identify",
        _web("demo-identify", "identify", traits={"email": "ada@example.com", "plan": "Pro"}),
        calls=1,
    ),
    Sample(
        "web identify, anonymous",
        _without(_web("demo-anonymous", "identify", traits={}), "userId"),
        SampleFate.SKIPPED,
        "anonymous_identify",
    ),
    Sample("order", _order("demo-order"), calls=1),
    Sample(
        "order, posted by an SDK", _order("demo-order-posted", orderId="7c0"), calls=1, posted=True
    ),
    Sample("order of a new buyer", _order("demo-order-new", repeat=False), calls=2),
    Sample(
        "order of a repeat buyer",
        _order("demo-order-repeat", repeat=True, total="$1,234.50"),
        calls=2,
    ),
    Sample(
        "order without an id",
        _web("demo-order-no-id", "track", event="Order Completed", properties={"total": 5}),
        SampleFate.SKIPPED,
        "missing_order_id",
    ),
    Sample("web track, mapped", SIGNED_UP, calls=1),
    Sample("same messageId again", SIGNED_UP, SampleFate.DUPLICATE),
    Sample(
        "web track, unmapped",
        _web("demo-unmapped", "track", event="Video Played", properties={}),
        SampleFate.SKIPPED,
        "unmapped_event",
    ),
    Sample(
        "web track, switched off",
        _web("demo-disabled", "track", event="Signed Up", integrations={"Convertro": False}),
        SampleFate.SKIPPED,
        "disabled",
    ),
    Sample(
        "page view", _web("demo-page", "page", name="Cart"), SampleFate.SKIPPED, "unsupported_type"
    ),
    Sample("mobile identify", _phone("demo-link", "identify"), calls=1),
    Sample(
        "mobile, with revenue",
        _phone("demo-revenue", "track", event="Upgraded", properties={"revenue": "19.99"}),
        calls=1,
    ),
    Sample(
        "mobile, no revenue",
        _phone("demo-no-revenue", "track", event="Level Finished", properties={"level": 7}),
        calls=1,
    ),
    Sample(
        "Application Installed",
        _without(_phone("demo-install", "track", event="Application Installed"), "userId"),
        calls=1,
    ),
    Sample(
        "mobile, no device id",
        _phone(
            "demo-no-device",
            "track",
            event="Upgraded",
            context={**PHONE_CONTEXT, "device": {"type": "ios"}},
        ),
        SampleFate.DEAD,
        "missing_device_id",
    ),
    Sample("order, 503 twice", _order(FAILING_ID, orderId="7c1"), calls=1),
    Sample(
        "order, 400",
        _order(REFUSED_ID, orderId="7c2"),
        SampleFate.DEAD,
        "rejected",
    ),
    Sample("malformed: no type", {"messageId": "demo-malformed"}, SampleFate.REFUSED, "type"),
)
