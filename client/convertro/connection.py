"""Connects to the journal's Redis, directly or by Sentinels that name the master."""

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
    RESP,
    BoundedConnection,
    BoundedMasterConnection,
    BoundedSSLConnection,
)
from convertro.redis_url import parse_redis_url
from convertro.sentinel import is_sentinel, parse_sentinel_url, sentinel_options

#: How Redis's error begins if the command itself is wrong, or if a script failed.
_OWN_FAULT = re.compile(
    r"(ERR )?(wrong number of arg|syntax error|value is not|user_script:|Error (running|compiling))"
)

#: Longest wait of a producer for a connection, and again for an answer, in seconds; so it learns
#: within 2 s that the journal is unavailable.
PRODUCER_TIMEOUT_SECONDS = 0.9


def connect(
    url: str,
    timeout_seconds: float,
    *,
    sentinel_master: str = "",
    sentinel_password: str | None = None,
) -> Redis:
    """Make a client of the journal's Redis; it connects at its first use.

    After a broken connection a command is repeated once, at once; after a timeout never. So an
    answer or an error comes within about twice the timeout, whatever the state of Redis.

    Args:
        url: `redis://`, `rediss://` or `sentinel://`.
        timeout_seconds: The longest wait for a connection, and again for an answer.
        sentinel_master: The name under which the Sentinels of a `sentinel://` URL watch the master.
        sentinel_password: The password of the Sentinels themselves.

    Raises:
        ValueError: The URL cannot be read.
    """
    options = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "socket_keepalive": True,
        "health_check_interval": 0,
        "protocol": RESP,
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
    """Make a client that asks the Sentinels for the master whenever it opens a connection.

    It repeats no command, because redis-py would send it to the old address. A former master that
    came back there accepts writes until the Sentinels demote it, and then loses them.
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
    """Whether the server is no longer the master: it is read-only, or its replicas have left it."""
    return isinstance(error, ReadOnlyError) or str(error).startswith("NOREPLICAS")


def kind_of(error: Exception) -> str:
    """Name an error of Redis by its class in redis-py."""
    # How Redis 7.0 and later servers, in this order, answer a script that lacks a right.
    signs = ("user executing the script can't", "ACL failure in script")
    is_of_right = any(sign in str(error) for sign in signs)
    return "NoPermissionError" if is_of_right else type(error).__name__


def is_too_old(error: Exception) -> bool:
    """Whether a server is older than Redis 7.0, which introduced the flags of scripts."""
    return "unexpected symbol near '#'" in str(error)


def is_own_fault(error: RedisError) -> bool:
    """Whether a wrong command or script of this program is the cause, and not Redis's state."""
    if isinstance(error, DataError):
        return True
    # Errors about the state of Redis have a class or a code of their own: READONLY, MISCONF, ….
    return type(error) is ResponseError and _OWN_FAULT.match(str(error)) is not None


class _Sentinels:
    """The Sentinels that a `SentinelConnectionPool` asks for the master's address.

    This replaces redis-py's `Sentinel`, which is not safe between threads: two threads that move
    the Sentinel that answered to the front of its list can drop a third one for good.

    Args:
        addresses: Host and port of each Sentinel.
        options: redis-py's arguments for a connection to a Sentinel.
    """

    def __init__(self, addresses: Iterable[tuple[str, int]], options: Mapping[str, Any]) -> None:
        self._sentinels = [
            Redis.from_pool(
                RestingPool(connection_class=BoundedConnection, host=host, port=port, **options)
            )
            for host, port in addresses
        ]

    def discover_master(self, name: str) -> tuple[str, int]:
        """Ask the Sentinels for the master's address, first the one that knew it last time.

        Raises:
            MasterNotFoundError: No Sentinel knows a master of this name that is up.
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
