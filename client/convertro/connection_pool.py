"""Connections to Redis for commands that are packed already.

redis-py opens and repairs the connections; this module keeps the idle ones. To take a connection
from redis-py's pool and give it back costs as much as all else that a process does in a round trip.
"""

from collections.abc import Iterable
from contextlib import suppress
from os import getpid
from time import monotonic
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError
from redis.sentinel import SentinelConnectionPool

#: After how many idle seconds a system call checks whether the other side closed a connection.
_CHECKED_IDLE_SECONDS = 0.5

#: After how many idle seconds a connection is replaced. A firewall in between may have dropped it
#: without notice, the quickest after half a minute, and a command over it would time out.
MAX_REST_SECONDS = 15.0


def _idle_seconds(connection: Any) -> float:
    """Give how many seconds a connection has been idle; 0 for a new one."""
    now = monotonic()
    return now - float(getattr(connection, "used_at", now))


class RestingPool(ConnectionPool):
    """redis-py's pool, but connections that were idle for too long are opened anew."""

    def get_connection(self, *args: Any, **named: Any) -> Any:
        """Take a connection for exclusive use."""
        connection: Any = super().get_connection(*args, **named)
        try:
            if _idle_seconds(connection) > MAX_REST_SECONDS:
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
    """A `RestingPool` of redis-py's Sentinel pool, which closes connections to a former master."""


class Connections:
    """Sends packed commands, each in one round trip, and reads the answers.

    Args:
        redis: A client that does not decode answers; connections are opened with its options.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        #: Whether redis-py's pool keeps the idle connections: a Sentinel's pool does, because it
        #: closes them when the master changes.
        self._is_pooled = isinstance(self._pool, SentinelConnectionPool)
        self._idle: list[Any] = []

    def exchange(self, command: bytes) -> Any:
        """Send a packed command and read its answer, with redis-py's retries.

        Raises:
            RedisError: There is no answer, or it is an error.
        """
        connection = self._borrow()
        in_step = False

        def send() -> Any:
            connection.send_packed_command([command])
            # Otherwise a Sentinel's connection would leave the answer unread for the next command.
            return connection.read_response(disconnect_on_error=True)

        try:
            answer = connection.retry.call_with_retry(send, lambda _: connection.disconnect())
            in_step = True
        except ResponseError:
            in_step = True
            raise
        finally:
            if not in_step:  # an answer may still be on its way over this connection
                connection.disconnect()
                self.disconnect()  # what broke this connection may have broken the idle ones too
            self._give_back(connection, is_usable=in_step)
        return answer

    def command(self, *parts: bytes) -> Any:
        """Pack a command and send it; see `exchange`."""
        return self.exchange(b"*%d\r\n%b" % (len(parts), pack(parts)))

    def disconnect(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):  # another thread may take the last one meanwhile
            while True:
                self._idle.pop().disconnect()

    def _borrow(self) -> Any:
        if self._is_pooled:
            return self._pool.get_connection()
        connection = self._idle_connection() or self._new_connection()
        connection.connect()  # does nothing if it is connected
        return connection

    def _idle_connection(self) -> Any:
        """Take an idle connection, closed first if it must not be used again; None without any."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if connection.pid != getpid():
            self._idle = []  # the process was forked: these belong to the parent
            return None
        if self._is_spent(connection):
            connection.disconnect()
        return connection

    def _is_spent(self, connection: Any) -> bool:
        idle_seconds = _idle_seconds(connection)
        return idle_seconds > MAX_REST_SECONDS or (
            idle_seconds > _CHECKED_IDLE_SECONDS and _is_broken(connection)
        )

    def _give_back(self, connection: Any, *, is_usable: bool) -> None:
        if self._is_pooled:
            self._pool.release(connection)
        elif is_usable:
            connection.used_at = monotonic()
            self._idle.append(connection)

    def _new_connection(self) -> Any:
        return self._pool.connection_class(**self._pool.connection_kwargs)


def _is_broken(connection: Any) -> bool:
    """Whether the other side closed an idle connection, or sent data that no command asked for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True


def pack(parts: Iterable[bytes]) -> bytes:
    """Encode parts of a command in Redis's protocol."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
