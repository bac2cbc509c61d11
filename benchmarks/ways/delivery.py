"""What every way does with an event: the product's translation and bodies, a POST for each call."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from config.settings import Settings
from worker.destination.plan import plan
from worker.destination.wire import idempotency_key

SETTINGS = Settings(client_name="acme", site_id="1234", domain="shop.example.com")
BASE_URL = os.environ.get("CONVERTRO_BASE_URL", "")
REDIS_URL = os.environ.get("CONVERTRO_REDIS_URL", "")

#: The most connections of a process: redis-py 8 allows 100 by default, which 128 threads exceed.
CONNECTIONS = 1000
UNBOUNDED_REDIS_URL = f"{REDIS_URL}?max_connections={CONNECTIONS}"

IN_FLIGHT = int(os.environ.get("CONVERTRO_CONCURRENCY", "1"))

#: The timeouts for connecting and for each read, as the product's.
TIMEOUTS_SECONDS = (3, 10)


class Post(NamedTuple):
    """One request to the sink."""

    url: str
    body: bytes
    headers: dict[str, str]


def posts(event: dict[str, Any]) -> Iterator[Post]:
    for call in plan(event, SETTINGS).calls:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key(event["messageId"], call.name),
        }
        yield Post(BASE_URL + call.path, call.body, headers)
