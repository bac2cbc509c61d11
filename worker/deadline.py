"""An answer is bounded in time as a whole, its headers too.

A socket's timeout only bounds the wait for the next bytes, so a server that sends one now and
then would hold a thread for longer than the lease of its event.
"""

import http.client
import io
import socket
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class DeadlineReader(io.RawIOBase):
    """Reads from a socket for as long as its timeout in all, not with each read."""

    def __init__(self, sock: socket.socket, raw: Any) -> None:
        self._sock = sock
        self._raw = raw
        self._deadline = monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there.

        Raises:
            TimeoutError: The answer did not end in time.
        """
        left_seconds = self._deadline - monotonic()
        if left_seconds <= 0:
            raise TimeoutError("the answer did not end in time")
        self._sock.settimeout(left_seconds)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the socket's side of it too."""
        self._raw.close()
        super().close()


class BoundedAnswer(http.client.HTTPResponse):
    """An HTTP answer that ends in time."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        buffered: Any = self.fp
        self.fp = io.BufferedReader(DeadlineReader(sock, buffered.detach()))


class _Connection(HTTPConnection):
    response_class = BoundedAnswer


class _TlsConnection(HTTPSConnection):
    response_class = BoundedAnswer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


#: For a pool manager's `pool_classes_by_scheme`.
BOUNDED_POOLS = {"http": _Pool, "https": _TlsPool}
