"""Connections whose timeouts hold: redis-py's do not cover the lookup of a name, for one.

A resolver that answers nothing takes 16 s to say so, for each call.
"""

import _thread
import queue
import socket
from os import getpid
from typing import Any

from redis.connection import Connection, SSLConnection
from redis.sentinel import SentinelManagedConnection


class _Lookup:
    """One name that is being looked up, for all who wait for it.

    Nothing here waits for a lock, which the code that a signal handler interrupts might hold.
    Threads and queues are made by their modules' names: gevent may replace them at any time.
    """

    def __init__(self) -> None:
        self.done = False
        self.addresses: list[str] = []
        self.error: OSError | None = None
        self.waiting: list[queue.SimpleQueue[None]] = []

    def run(self, key: tuple[int, str, int]) -> None:
        """Look up, and tell those who wait."""
        _, host, port = key
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.addresses = [str(address[0]) for *_, address in found]
        except OSError as error:
            self.error = error
        except UnicodeError:  # an empty label, or one that is too long
            self.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.done = True
        _pending.pop(key, None)
        for answer in self.waiting:
            answer.put(None)


#: Lookups under way, by process, host and port.
_pending: dict[tuple[int, str, int], _Lookup] = {}


def look_up(host: str, port: int, timeout_seconds: float | None) -> list[str]:
    """The addresses of a host.

    A lookup cannot be stopped, so a thread makes it that nothing waits for longer than this.

    Raises:
        OSError: The name is not known.
        TimeoutError: There was no answer in time; it may be there for the next one who asks.
    """
    key = (getpid(), host, port)
    mine = _Lookup()
    answer: queue.SimpleQueue[None] = queue.SimpleQueue()
    try:
        lookup = _pending.setdefault(key, mine)
        lookup.waiting.append(answer)
        if lookup is mine:
            _begin(mine, key)
    except BaseException:  # a signal handler raised: perhaps no thread looks up
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
    except RuntimeError:  # the interpreter ends
        lookup.run(key)


class BoundedConnection(Connection):
    """A connection that looks its host up within the time that it has to connect."""

    def _connect(self) -> Any:
        name, error = self.host, OSError("the host has no address")
        for address in look_up(name, self.port, self.socket_connect_timeout):
            try:
                self.host = address
                return super()._connect()  # type: ignore[no-untyped-call]  # it is redis-py's own
            except OSError as caught:
                error = caught
            finally:
                self.host = name  # certificates are checked against it
        raise error

    def activate_maint_notifications_handling_if_enabled(self, check_health: bool = True) -> None:
        """Ask for no announcements of maintenance: after one, redis-py waits 10 s for an answer."""


class BoundedSSLConnection(SSLConnection, BoundedConnection):
    """The same with TLS."""


class BoundedMasterConnection(SentinelManagedConnection, BoundedConnection):
    """The same to the master that Sentinels name."""
