"""How the journal's Redis is reached: directly, or through Sentinels that know the master."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from convertro.connection_pool import RestingMasterPool, RestingPool
from convertro.name_lookup import (
    BoundedConnection,
    BoundedMasterConnection,
    BoundedSSLConnection,
)
from convertro.redis_url import parse_redis_url
from convertro.sentinel import is_sentinel, parse_sentinel_url, sentinel_options

#: How Redis begins what it says of a command that cannot be right, or of an error in a script.
_OWN_FAULT = re.compile(
    r"(ERR )?(wrong number of arg|syntax error|value is not|user_script:|Error (running|compiling))"
)

#: A producer hears within 2 s that the journal is unavailable: a connection and an answer.
PRODUCER_TIMEOUT_SECONDS = 0.9


def connect(
    url: str,
    timeout_seconds: float,
    *,
    sentinel_master: str = "",
    sentinel_password: str | None = None,
) -> Redis:
    """A client of the journal's Redis; it connects when first used.

    A broken connection is tried anew once and at once, a timeout never: the answer comes
    within about twice the timeout, whatever the state of Redis.

    Args:
        url: `redis://`, `rediss://` or `sentinel://`.
        timeout_seconds: The longest wait for a connection, and for an answer.
        sentinel_master: Under which name the Sentinels of a `sentinel://` URL watch the master.
        sentinel_password: The password of the Sentinels themselves.

    Raises:
        ValueError: The URL cannot be read.
    """
    options = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "socket_keepalive": True,
        "health_check_interval": 0,
    }
    if is_sentinel(url):
        sentinels = sentinel_options(sentinel_password)
        return _connect_to_master(url, sentinel_master, sentinels, options)
    retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
    where = parse_redis_url(url)
    kind = BoundedConnection if where.tls is None else BoundedSSLConnection
    named: dict[str, Any] = {**where.login, **(where.tls or {}), **options}
    return Redis.from_pool(RestingPool(connection_class=kind, retry=retry, **named))


def _connect_to_master(
    url: str, master: str, how_to_ask: Mapping[str, Any], options: Mapping[str, Any]
) -> Redis:
    """A client that asks the Sentinels for the master whenever it opens a connection.

    Nothing is tried anew: redis-py would do so at the old address, where a master that came
    back takes writes until the Sentinels have demoted it, and loses them then.
    """
    where = parse_sentinel_url(url)
    sentinels = _Sentinels(where.addresses, how_to_ask)
    login = {"username": where.username, "password": where.password, "db": where.db}
    pool: Any = RestingMasterPool(  # type: ignore[no-untyped-call]  # redis-py has not typed it
        master,
        sentinels,
        retry=None,
        connection_class=BoundedMasterConnection,
        **login,
        **options,
    )
    return Redis.from_pool(pool)


def is_demoted(error: RedisError) -> bool:
    """Whether a server says that it is no master, or that its replicas left it for another."""
    return isinstance(error, ReadOnlyError) or str(error).startswith("NOREPLICAS")


def is_own_fault(error: RedisError) -> bool:
    """Whether a command of ours was wrong, or a script failed: no state of Redis is to blame."""
    if isinstance(error, DataError):
        return True
    # What Redis says of its own state has a class or a code of its own: READONLY, MISCONF, ….
    return type(error) is ResponseError and _OWN_FAULT.match(str(error)) is not None


class _Sentinels:
    """Who knows the master: what a `SentinelConnectionPool` asks before it connects.

    In place of redis-py's `Sentinel`, which is not made for threads: two that move the one
    who answered to the front of its list can overwrite a third, which is never asked again.

    Args:
        addresses: Host and port of each.
        options: How to talk to each.
    """

    def __init__(self, addresses: Iterable[tuple[str, int]], options: Mapping[str, Any]) -> None:
        self._sentinels = [
            Redis.from_pool(
                RestingPool(connection_class=BoundedConnection, host=host, port=port, **options)
            )
            for host, port in addresses
        ]

    def discover_master(self, name: str) -> tuple[str, int]:
        """Ask one after another for the master's address, beginning with who knew it last.

        Raises:
            MasterNotFoundError: None of them knows a master that is up.
        """
        answers = []
        timeout = None
        for sentinel in (asked := self._sentinels):
            try:
                masters: Any = sentinel.sentinel_masters()
            except RedisError as error:
                answers.append(type(error).__name__)
                timeout = error if isinstance(error, RedisTimeoutError) else timeout
                continue
            state = masters.get(name)
            if state and state["is_master"] and not state["is_sdown"] and not state["is_odown"]:
                self._sentinels = [sentinel, *(other for other in asked if other is not sentinel)]
                return state["ip"], state["port"]
            answers.append("it is down" if state else "unknown name")
        raise MasterNotFoundError(
            f"no Sentinel knows where the master {name!r} is ({', '.join(answers)})"
        ) from timeout
