"""Connections to Redis whose timeout covers the lookup of the host's name too.

redis-py's timeout does not cover it. If the name server does not answer, each lookup fails only
after 16 s.
"""

import _thread
import queue
import socket
from os import getpid
from time import monotonic
from typing import Any

from redis.connection import Connection, SSLConnection
from redis.sentinel import SentinelManagedConnection

#: The version of Redis's protocol. Every server speaks it; for version 3, redis-py's default, a
#: connection needs the command HELLO, which some managed services and proxies do not know. In
#: version 3 redis-py also asks for notices of maintenance: after one it waits 10 s for an answer.
RESP = 2


class _Lookup:
    """The lookup of one name, shared by all threads that wait for it.

    It takes no lock, because a signal handler may interrupt the code that holds it. Threads and
    queues are called through their modules, because gevent may replace them at any time.
    """

    def __init__(self) -> None:
        self.done = False
        self.addresses: list[str] = []
        self.error: OSError | None = None
        self.waiting: list[queue.SimpleQueue[None]] = []

    def run(self, key: tuple[int, str, int]) -> None:
        """Look the name up, and wake the threads that wait."""
        _, host, port = key
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.addresses = [str(address[0]) for *_, address in found]
        except OSError as error:
            self.error = error
        except UnicodeError:  # the name has a label that is empty or too long
            self.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.done = True
        _pending.pop(key, None)
        for answer in self.waiting:
            answer.put(None)


#: Lookups under way, by process, host and port.
_pending: dict[tuple[int, str, int], _Lookup] = {}


def look_up(host: str, port: int, timeout_seconds: float | None) -> list[str]:
    """Look up the addresses of a host.

    A lookup cannot be stopped, so a thread of its own makes it, for which callers wait no longer
    than their timeout.

    Raises:
        OSError: The name is not known.
        TimeoutError: There was no answer in time. The thread goes on, and serves later callers.
    """
    key = (getpid(), host, port)
    mine = _Lookup()
    answer: queue.SimpleQueue[None] = queue.SimpleQueue()
    try:
        lookup = _pending.setdefault(key, mine)
        lookup.waiting.append(answer)
        if lookup is mine:
            _begin(mine, key)
    except BaseException:  # a signal handler raised: the thread may not have been started
        if _pending.get(key) is mine:
            _pending.pop(key, None)
        raise
    if not lookup.done:
        try:
            answer.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError("the lookup of its name was not answered in time") from None
    if lookup.error:
        raise lookup.error
    return lookup.addresses


def _begin(lookup: _Lookup, key: tuple[int, str, int]) -> None:
    try:
        _thread.start_new_thread(lookup.run, (key,))
    except RuntimeError:  # no thread can be started: the interpreter is shutting down
        lookup.run(key)


class BoundedConnection(Connection):
    """A connection whose connect timeout bounds the lookup of its host, too.

    The host's addresses share the timeout, so that several dead ones take no longer than one.
    """

    def _connect(self) -> Any:
        name, error = self.host, OSError("the host has no address")
        timeout_seconds = self.socket_connect_timeout
        addresses = look_up(name, self.port, timeout_seconds)
        ends_at = None if timeout_seconds is None else monotonic() + timeout_seconds
        for tried, address in enumerate(addresses):
            try:
                self.host = address
                if ends_at is not None:
                    share = (ends_at - monotonic()) / (len(addresses) - tried)
                    self.socket_connect_timeout = max(share, 0.001)
                return super()._connect()  # type: ignore[no-untyped-call]  # it is redis-py's own
            except OSError as caught:
                error = caught
            finally:  # certificates are checked against the name
                self.host, self.socket_connect_timeout = name, timeout_seconds
        raise error


class BoundedSSLConnection(SSLConnection, BoundedConnection):
    """A `BoundedConnection` with TLS."""


class BoundedMasterConnection(SentinelManagedConnection, BoundedConnection):
    """A `BoundedConnection` to the master that Sentinels name."""
