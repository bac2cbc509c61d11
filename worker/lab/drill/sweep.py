"""Removes what a drill left in the operator's Redis."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from redis import Redis

from config.settings import Settings
from convertro.connection import connect
from convertro.redis_url import names_a_redis
from worker.bootstrap import make_app
from worker.cli.terminal.open_journal import OPERATOR_TIMEOUT_SECONDS
from worker.journal.redis_client import connect_journal

#: The number of keys that are scanned, or removed, in one round trip.
_STEP = 1000

#: The keys in which kombu keeps the queues of each exchange, and until when it keeps them.
_BINDINGS = "_kombu.binding."
_DEADLINES = "_kombu.binding_deadlines"


def sweep(settings: Settings, name: str) -> int:
    """Remove every key of a drill; return how many there were.

    The names of the journal's keys, of the queue and of its workers' mailboxes all contain the
    drill's name, and no other key does.

    Args:
        settings: The drill's settings.
        name: The drill's name.

    Raises:
        RedisError: Redis did not answer or refused.
    """
    with connect_journal(settings, OPERATOR_TIMEOUT_SECONDS) as redis:
        removed = _sweep(redis, name)
    if settings.broker_url is None:
        return removed
    url = settings.broker_url.get_secret_value()
    if names_a_redis(url):
        with connect(url, OPERATOR_TIMEOUT_SECONDS) as broker:
            return removed + _sweep(broker, name)
    _delete_queue(settings, name)
    return removed


def _sweep(redis: Redis, name: str) -> int:
    removed = sum(redis.unlink(*page) for page in _pages(redis.scan_iter(f"*{name}*", _STEP)))
    for key in redis.scan_iter(f"{_BINDINGS}*", _STEP):
        for page in _pages(redis.sscan_iter(key, f"*{name}*", _STEP)):
            redis.srem(key, *page)
    for page in _pages(redis.zscan_iter(_DEADLINES, count=_STEP)):
        for exchange, _until in page:
            if not redis.exists(_BINDINGS.encode() + exchange):
                redis.zrem(_DEADLINES, exchange)
    return removed


def _pages(found: Iterator[Any]) -> Iterator[list[Any]]:
    return iter(lambda: list(islice(found, _STEP)), [])


def _delete_queue(settings: Settings, name: str) -> None:
    """Remove the queue from a broker that is not a Redis, through kombu."""
    from kombu import Queue  # noqa: PLC0415  only brokers of other kinds need it

    app = make_app(settings, OPERATOR_TIMEOUT_SECONDS)
    with app.connection_for_write() as connection, connection.channel() as channel:
        Queue(name)(channel).delete()
    app.close()
