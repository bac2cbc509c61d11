"""Events that still travel to the journal: messages of `convertro.enqueue` in the queue."""

import json
from contextlib import suppress

from redis.exceptions import RedisError

from config.settings import Settings
from worker.cli.access import OPERATOR_TIMEOUT_SECONDS
from worker.connection import connect
from worker.journal import PAGE
from worker.names import ENQUEUE


def count_queued(settings: Settings) -> int:
    """How many such messages lie in the broker; 0 if it is no Redis or does not answer."""
    url = settings.broker_url or settings.redis_url
    if not url.get_secret_value().startswith(("redis", "sentinel")):
        return 0
    broker = settings.model_copy(update={"redis_url": url})
    with suppress(RedisError, ValueError), connect(broker, OPERATOR_TIMEOUT_SECONDS) as redis:
        waiting, start = 0, 0
        while messages := redis.lrange(settings.queue, start, start + PAGE - 1):
            waiting += sum(_is_enqueue(message) for message in messages)
            start += PAGE
        return waiting
    return 0


def _is_enqueue(message: bytes) -> bool:
    try:
        return bool(json.loads(message)["headers"]["task"] == ENQUEUE)
    except (ValueError, KeyError, TypeError):
        return False
