"""How a connection to Convertro comes about, and what reads its answers."""

import socket
import ssl
from collections import deque
from http.client import HTTPException
from queue import Empty, Full
from select import POLLIN, poll
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)

from convertro.name_lookup import look_up
from worker.transport.bounded_answer import BoundedAnswer

#: How long a connection is used: so much later than a name's answers Convertro is asked for at its
#: new address, although the old one goes on answering. Names that are to be switched are told by
#: resolvers for a minute. A new connection a minute costs nothing that could be measured.
MAX_AGE_SECONDS = 60.0

#: How long a connection may lie unused: what stands in between, or the server, may have forgotten
#: it, and the request over it would be ambiguous. Servers keep most for a minute, some for 5 s;
#: one that says so is closed at once.
MAX_REST_SECONDS = 20.0

#: With TLS 1.3 a server's demand for a certificate is heard only when its answer is read.
_NO_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

#: After a failure the next attempt opens a new connection, because the name may lead elsewhere by
#: now. Where a few of many attempts fail, so many threads need not open one each time. Probes are
#: further apart.
MIN_AGE_SECONDS = 0.5


def open_socket(host: str, port: int, timeout_seconds: float, *options: Any) -> socket.socket:
    """Connect to the first address that accepts, all within the timeout, name lookup included.

    Args:
        host: A name or an address.
        port: Where it listens.
        timeout_seconds: For everything; the addresses share what the lookup left of it.
        options: What is set on the socket before it connects.

    Raises:
        OSError: No address accepts a connection, or the name is not known.
    """
    deadline = monotonic() + timeout_seconds
    addresses = look_up(host, port, timeout_seconds)
    error = OSError("the host has no address")
    for tried, address in enumerate(addresses):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(max((deadline - monotonic()) / (len(addresses) - tried), 0.001))
            sock.connect((address, port))
        except OSError as caught:
            sock.close()
            error = caught
        else:
            sock.settimeout(timeout_seconds)
            return sock
    raise error


class _BoundedConnecting(HTTPConnection):
    """Looks its host up within the time that it has to connect, and bounds its answers."""

    response_class = BoundedAnswer

    #: When it was opened, and when it was used last; by a clock that never goes back.
    opened_at = used_at = 0.0

    #: Looks whether there is anything to read.
    _poll: Any = None

    #: Whether what is sent is a request, no longer a CONNECT to a proxy.
    _takes_requests = False

    def connect(self) -> None:
        """Open it, with the tunnel through a proxy and with TLS.

        Raises:
            HTTPError, SSLError: It did not come about; nothing of a request was sent.
        """
        self.opened_at = self.used_at = monotonic()
        try:
            super().connect()
        except ssl.SSLError:
            raise
        except (OSError, HTTPException) as error:
            self.close()  # if a proxy opens no tunnel, urllib3 takes it for connected else
            kind = ConnectTimeoutError if isinstance(error, TimeoutError) else NewConnectionError
            raise kind(self, f"no connection: {error}") from error
        self._poll = poll()
        self._poll.register(self.sock, POLLIN)
        self._takes_requests = True

    def close(self) -> None:
        """Close it."""
        self._takes_requests = False
        super().close()

    def send(self, data: Any) -> None:
        """Send something.

        Raises:
            BrokenPipeError: TLS failed over a request. urllib3 then looks whether there is an
                answer all the same.
            OSError: The connection broke, or none came about.
        """
        try:
            super().send(data)
        except ssl.SSLError as error:
            if not self._takes_requests:
                raise
            raise BrokenPipeError from error

    def getresponse(self) -> Any:
        """Read the answer to a request, to the end of its headers.

        Raises:
            ProtocolError: There is none, or it is no HTTP; the request may have arrived.
            TimeoutError: It did not come in time.
            SSLError: The server demands a certificate of ours and has read nothing.
        """
        try:
            return super().getresponse()
        except TimeoutError:
            raise
        except (OSError, HTTPException) as error:
            if getattr(error, "reason", None) == _NO_CERTIFICATE:
                raise
            # Not to be taken for a failure to connect, to the server or to a proxy.
            raise ProtocolError("what became of the request is not known", error) from error

    @property
    def is_connected(self) -> bool:
        """Whether it is open, and nothing has come that nobody asked for, such as its end."""
        return self.sock is not None and not self._poll.poll(0)

    def _new_conn(self) -> socket.socket:
        timeout_seconds = float(self.timeout or 0)
        try:
            return open_socket(
                self._dns_host, self.port, timeout_seconds, *(self.socket_options or ())
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection in {timeout_seconds:g} s") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error}") from error


class _TlsConnection(_BoundedConnecting, HTTPSConnection):
    """The same with TLS."""


class _Stack:
    """What urllib3 keeps connections in: its own takes locks, five times as long."""

    def __init__(self, maxsize: int) -> None:
        self._connections: deque[Any] = deque()
        self._maxsize = maxsize

    def get(self, **_how_long: Any) -> Any:
        """Take the one that was put back last.

        Raises:
            Empty: There is none.
        """
        try:
            return self._connections.pop()
        except IndexError:
            raise Empty from None

    def put(self, connection: Any, **_how_long: Any) -> None:
        """Put one back.

        Raises:
            Full: There are enough.
        """
        if len(self._connections) >= self._maxsize:
            raise Full
        self._connections.append(connection)

    def qsize(self) -> int:
        """How many there are."""
        return len(self._connections)


class _EndingPool(HTTPConnectionPool):
    """Keeps connections, but none for ever."""

    ConnectionCls = _BoundedConnecting
    QueueCls: Any = _Stack

    #: When the latest attempt failed.
    _failed_at = 0.0

    def note_failure(self) -> None:
        """Use none of the connections again that are open now, or hardly: see `MIN_AGE_SECONDS`."""
        self._failed_at = monotonic()

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.sock is not None and self._has_ended(connection):
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.used_at = monotonic()
        super()._put_conn(conn)

    def _has_ended(self, connection: _BoundedConnecting) -> bool:
        age_seconds = monotonic() - connection.opened_at
        return (
            age_seconds > MAX_AGE_SECONDS
            or monotonic() - connection.used_at > MAX_REST_SECONDS
            or (age_seconds > MIN_AGE_SECONDS and connection.opened_at <= self._failed_at)
        )


class _EndingTlsPool(_EndingPool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


#: For a pool manager's `pool_classes_by_scheme`.
POOLS = {"http": _EndingPool, "https": _EndingTlsPool}
