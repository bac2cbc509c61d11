"""Connections to Redis for commands that are packed already.

redis-py makes and repairs them, but they are kept here: to take one from its pool and give it
back each time costs as much as all else that a round trip takes in this process.
"""

from collections.abc import Iterable
from contextlib import suppress
from os import getpid
from time import monotonic
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError
from redis.sentinel import SentinelConnectionPool

#: After so long it is worth a system call to see whether the other side closed a connection.
_RESTED_SECONDS = 0.5

#: A connection that lay unused for longer is replaced: what stands in between may have forgotten
#: it, and a call over it would end in a timeout. The shortest such memories are of half a minute.
MAX_REST_SECONDS = 15.0


def _rested_seconds(connection: Any) -> float:
    """How long a connection lay unused; a new one did not at all."""
    now = monotonic()
    return now - float(getattr(connection, "used_at", now))


class RestingPool(ConnectionPool):
    """redis-py's pool, which hands out no connection that lay unused for too long."""

    def get_connection(self, *args: Any, **named: Any) -> Any:
        """A connection that nothing else uses."""
        connection: Any = super().get_connection(*args, **named)
        try:
            if _rested_seconds(connection) > MAX_REST_SECONDS:
                connection.disconnect()
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        connection.used_at = monotonic()
        super().release(connection)


class RestingMasterPool(RestingPool, SentinelConnectionPool):
    """The same of a Sentinel's pool, which drops its connections when the master changes."""


class Connections:
    """Exchanges one packed command for its answer, each in one round trip.

    Args:
        redis: A client that does not decode answers; its connections are made alike.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        #: Only a Sentinel's pool keeps its own, because it drops them when the master changes.
        self._is_pooled = isinstance(self._pool, SentinelConnectionPool)
        self._idle: list[Any] = []

    def exchange(self, command: bytes) -> Any:
        """One round trip, as redis-py makes it, but for the packing and the bookkeeping.

        Raises:
            RedisError: There is no answer, or it is an error.
        """
        connection = self._borrow()
        in_step = False

        def send() -> Any:
            connection.send_packed_command([command])
            # A Sentinel's connection would keep the answer for the next call.
            return connection.read_response(disconnect_on_error=True)

        try:
            answer = connection.retry.call_with_retry(send, lambda _: connection.disconnect())
            in_step = True
        except ResponseError:
            in_step = True
            raise
        finally:
            if not in_step:  # interrupted between question and answer, perhaps
                connection.disconnect()
                self.disconnect()  # whatever swallowed this one may have swallowed all
            self._give_back(connection, is_usable=in_step)
        return answer

    def command(self, *parts: bytes) -> Any:
        """One round trip of a command that is not packed yet; see `exchange`."""
        return self.exchange(b"*%d\r\n%b" % (len(parts), pack(parts)))

    def disconnect(self) -> None:
        """Close the connections that nothing uses now."""
        with suppress(IndexError):  # other threads take some meanwhile
            while True:
                self._idle.pop().disconnect()

    def _borrow(self) -> Any:
        """A connection that nothing else uses."""
        if self._is_pooled:
            return self._pool.get_connection()
        connection = self._idle_connection() or self._new_connection()
        connection.connect()  # if it is not
        return connection

    def _idle_connection(self) -> Any:
        """One that is open, unless it is spent; None if there is none."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if connection.pid != getpid():
            self._idle = []  # these are the parent's
            return None
        if self._is_spent(connection):
            connection.disconnect()
        return connection

    def _is_spent(self, connection: Any) -> bool:
        """Whether a connection that lay unused should not be used again."""
        rested_seconds = _rested_seconds(connection)
        return rested_seconds > MAX_REST_SECONDS or (
            rested_seconds > _RESTED_SECONDS and _is_spoilt(connection)
        )

    def _give_back(self, connection: Any, *, is_usable: bool) -> None:
        if self._is_pooled:
            self._pool.release(connection)
        elif is_usable:
            connection.used_at = monotonic()
            self._idle.append(connection)

    def _new_connection(self) -> Any:
        return self._pool.connection_class(**self._pool.connection_kwargs)


def _is_spoilt(connection: Any) -> bool:
    """Whether the other side closed it, or sent something that was not asked for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True


def pack(parts: Iterable[bytes]) -> bytes:
    """Write parts of a command as Redis's protocol wants them."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
