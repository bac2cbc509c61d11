"""One complete, realistic raw Segment event of each kind.

Keywords override fields, so that a test shows only what matters to it. `web_track(userId=ABSENT)`
leaves a field out.
"""

from copy import deepcopy
from typing import Any


class _Absent:
    """The type of `ABSENT`; its repr is the same in every process."""

    def __repr__(self) -> str:
        return "ABSENT"


#: Leaves a field out.
ABSENT: Any = _Absent()

USER_ID = "user-97980"
ANONYMOUS_ID = "507f191e-810c-4197-9b4d-c1f8b3a7e2aa"
DEVICE_ID = "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB"
ADVERTISING_ID = "7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB"
TIMESTAMP = "2026-05-04T10:15:30.123Z"

WEB_CONTEXT = {
    "library": {"name": "analytics.js", "version": "npm:next-1.66.0"},
    "page": {
        "path": "/cart",
        "referrer": "https://search.example.com/",
        "search": "",
        "title": "Your cart",
        "url": "https://shop.example.com/cart",
    },
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
    "locale": "en-GB",
    "ip": "203.0.113.7",
}

PHONE_CONTEXT = {
    "library": {"name": "analytics-ios", "version": "4.1.8"},
    "app": {"name": "Acme", "version": "3.2.1", "build": "3210", "namespace": "com.example.acme"},
    "device": {
        "id": DEVICE_ID,
        "advertisingId": ADVERTISING_ID,
        "adTrackingEnabled": True,
        "manufacturer": "Apple",
        "model": "iPhone15,2",
        "name": "iPhone",
        "type": "ios",
    },
    "os": {"name": "iOS", "version": "17.4"},
    "locale": "en-GB",
    "network": {"cellular": False, "wifi": True},
    "timezone": "Europe/London",
}

ORDER = {
    "orderId": "50314b8e",
    "total": 27.5,
    "revenue": 25.0,
    "shipping": 3,
    "tax": 2,
    "currency": "EUR",
    "products": [{"productId": "507f1f77", "price": 19, "quantity": 1, "category": "Games"}],
}


def web_identify(**overrides: Any) -> dict[str, Any]:
    """A visitor of the website identifies herself."""
    return _event(
        WEB_CONTEXT, "identify", overrides, traits={"email": "ada@example.com", "age": 36}
    )


def web_track(**overrides: Any) -> dict[str, Any]:
    """A visitor of the website signs up."""
    return _event(
        WEB_CONTEXT, "track", overrides, event="Signed Up", properties={"plan": "Pro", "seats": 5}
    )


def order_completed(**overrides: Any) -> dict[str, Any]:
    """A visitor of the website buys something."""
    return _event(WEB_CONTEXT, "track", overrides, event="Order Completed", properties=ORDER)


def mobile_identify(**overrides: Any) -> dict[str, Any]:
    """A user of the app signs in."""
    return _event(PHONE_CONTEXT, "identify", overrides, traits={"email": "ada@example.com"})


def mobile_track(**overrides: Any) -> dict[str, Any]:
    """A user of the app buys an upgrade."""
    return _event(
        PHONE_CONTEXT, "track", overrides, event="Plan Upgraded", properties={"revenue": 19.99}
    )


def application_installed(**overrides: Any) -> dict[str, Any]:
    """The app was installed, and no user has signed in yet."""
    return _event(
        PHONE_CONTEXT,
        "track",
        {"userId": ABSENT, **overrides},
        event="Application Installed",
        properties={"version": "3.2.1", "build": "3210"},
    )


def phone_context(**overrides: Any) -> dict[str, Any]:
    """The context that a mobile library sends, with a test's overrides."""
    return _present({**deepcopy(PHONE_CONTEXT), **overrides})


def _event(
    context: dict[str, Any], kind: str, overrides: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    event = {
        "messageId": f"ajs-next-{kind}-8a4f1c",
        "type": kind,
        "anonymousId": ANONYMOUS_ID,
        "userId": USER_ID,
        "timestamp": TIMESTAMP,
        "originalTimestamp": "2026-05-04T10:15:29.000Z",
        "sentAt": "2026-05-04T10:15:29.500Z",
        "receivedAt": "2026-05-04T10:15:31.000Z",
        "version": 2,
        "context": context,
        "integrations": {"All": True},
        **fields,
    }
    return _present({**deepcopy(event), **overrides})


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}


#: Becomes two calls under the hybrid attribution model.
NEW_BUYER = order_completed(properties={**ORDER, "repeat": False})
