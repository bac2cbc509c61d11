"""Taking away what a drill left on the operator's Redis."""

from collections.abc import Iterator

from redis import Redis

from config.settings import Settings
from worker.bootstrap import make_app
from worker.cli.access import OPERATOR_TIMEOUT_SECONDS
from worker.journal import connect

#: Keys looked at, or removed, in one round trip.
STEP = 1000

#: Sets in which kombu notes the queues of each exchange.
BINDINGS = "_kombu.binding.*"


def sweep(settings: Settings, name: str) -> int:
    """Remove every key of a drill; answers how many there were.

    The journal's keys, the queue and the mailboxes of its workers all hold the drill's name,
    which nothing else does.

    Args:
        settings: The drill's.
        name: The drill's.

    Raises:
        RedisError: Redis did not do it.
    """
    with connect(settings, OPERATOR_TIMEOUT_SECONDS) as redis:
        removed = _sweep(redis, name)
    if settings.broker_url is None:
        return removed
    if settings.celery_broker_url.startswith(("redis://", "rediss://")):
        with Redis.from_url(
            settings.celery_broker_url, socket_timeout=OPERATOR_TIMEOUT_SECONDS
        ) as broker:
            return removed + _sweep(broker, name)
    _delete_queue(settings, name)
    return removed


def _sweep(redis: Redis, name: str) -> int:
    removed = sum(redis.unlink(*page) for page in _pages(redis, f"*{name}*"))
    for page in _pages(redis, BINDINGS):
        for key in page:
            members = list(redis.sscan_iter(key, match=f"*{name}*", count=STEP))
            if members:
                redis.srem(key, *members)
    return removed


def _pages(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    page: list[bytes] = []
    for key in redis.scan_iter(match=pattern, count=STEP):
        page.append(key)
        if len(page) == STEP:
            yield page
            page = []
    if page:
        yield page


def _delete_queue(settings: Settings, name: str) -> None:
    """The same for a broker that is no Redis, by its own means."""
    from kombu import Queue  # noqa: PLC0415  only brokers of other kinds need it

    app = make_app(settings, OPERATOR_TIMEOUT_SECONDS)
    with app.connection_for_write() as connection, connection.channel() as channel:
        Queue(name)(channel).delete()
    app.close()
