"""The raw event of all benchmarks: a track call of about 1 KB."""

from typing import Any


def event(number: int) -> dict[str, Any]:
    """An order as Segment's library for browsers sends it; it becomes one call."""
    return {
        "messageId": message_id(number),
        "type": "track",
        "event": "Order Completed",
        "anonymousId": "507f191e-810c-4197-9b4d-c1f8b3a7e2aa",
        "userId": f"user-{number % 1000}",
        "timestamp": "2026-05-04T10:15:30.123Z",
        "sentAt": "2026-05-04T10:15:30.456Z",
        "properties": {
            "orderId": f"order-{number}",
            "total": 27.5,
            "currency": "EUR",
            "coupon": "SPRING",
            "products": [
                {"productId": f"sku-{item}", "name": "A thing", "price": 9.1, "quantity": 1}
                for item in range(4)
            ],
        },
        "context": {
            "library": {"name": "analytics.js", "version": "2.1.0"},
            "page": {
                "url": "https://shop.example.com/checkout/thanks?order=1",
                "path": "/checkout/thanks",
                "referrer": "https://shop.example.com/checkout",
                "title": "Thank you",
            },
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
            " (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "locale": "en-GB",
        },
    }


def message_id(number: int) -> str:
    """The event's id, as long as the ids of Segment's library."""
    return f"ajs-next-{number:024d}"


def number_in(key: str) -> int:
    """The number of the event to which an idempotency key belongs.

    Raises:
        ValueError: It belongs to no event.
    """
    return int(key.partition("/")[0].removeprefix("ajs-next-"))
