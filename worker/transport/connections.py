"""Opens connections to Convertro, keeps them in pools, and decides when they are too old."""

import select
import socket
import ssl
from collections import deque
from http.client import HTTPException
from queue import Empty, Full
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

#: How long a connection may be used: if Convertro's name gets another address, requests go there
#: within this time, even if the old one still answers. Names that may change mostly have a TTL of a
#: minute. A new connection a minute has no measurable cost.
MAX_AGE_SECONDS = 60.0

#: How long a connection may be idle; then the server or a firewall may have dropped it, and the
#: request would be ambiguous. Most servers keep it for a minute, some for 5 s; if a server closes
#: it, that is noticed before the next request.
MAX_REST_SECONDS = 20.0

#: OpenSSL's reason if the server requires a client certificate. With TLS 1.3 this error comes only
#: when the answer is read.
_NO_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

#: After a failed attempt connections older than this are replaced, because the name may lead to
#: another address by now. Younger ones are kept, so that many threads need not open a connection
#: after each failure. The time between probes is longer.
MIN_AGE_SECONDS = 0.5


def open_socket(host: str, port: int, timeout_seconds: float, *options: Any) -> socket.socket:
    """Connect to the first address that accepts, within a timeout that includes the name lookup.

    Args:
        host: A name or an address.
        port: The port.
        timeout_seconds: For lookup and connection together; the addresses share the time that is
            left after the lookup.
        options: Options to set on the socket before it connects.

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
    """A connection whose timeout also bounds the name lookup, and whose answers are bounded."""

    response_class = BoundedAnswer

    #: When it was opened, and when it was used last, in seconds of the monotonic clock.
    opened_at = used_at = 0.0

    #: Tells whether there is anything to read.
    _poll: Any = None

    #: Whether the connection is ready for requests; before that, CONNECT is sent to a proxy.
    _takes_requests = False

    def connect(self) -> None:
        """Open the connection, with the tunnel through a proxy and with TLS.

        Raises:
            HTTPError, SSLError: It failed; nothing of a request was sent.
        """
        self.opened_at = self.used_at = monotonic()
        try:
            super().connect()
        except ssl.SSLError:
            raise
        except (OSError, HTTPException) as error:
            self.close()  # if a proxy opens no tunnel, urllib3 would take this for connected
            kind = ConnectTimeoutError if isinstance(error, TimeoutError) else NewConnectionError
            raise kind(self, f"no connection: {error}") from error
        self._poll = select.poll()
        self._poll.register(self.sock, select.POLLIN)
        self._takes_requests = True

    def close(self) -> None:
        """Close the connection."""
        self._takes_requests = False
        super().close()

    def send(self, data: Any) -> None:
        """Send bytes.

        Raises:
            BrokenPipeError: TLS failed during a request; urllib3 then still reads an answer if
                there is one.
            OSError: The connection broke, or could not be opened.
        """
        try:
            super().send(data)
        except ssl.SSLError as error:
            if not self._takes_requests:
                raise
            raise BrokenPipeError from error

    def getresponse(self) -> Any:
        """Read the answer to a request up to the end of its headers.

        Raises:
            ProtocolError: There is no answer, or no valid HTTP; the request may have arrived.
            TimeoutError: The answer did not come in time.
            SSLError: The server requires a client certificate, and has not read the request.
        """
        try:
            return super().getresponse()
        except TimeoutError:
            raise
        except (OSError, HTTPException) as error:
            if getattr(error, "reason", None) == _NO_CERTIFICATE:
                raise
            # A ProtocolError is not taken for a failure to connect, to the server or to a proxy.
            raise ProtocolError("what became of the request is not known", error) from error

    @property
    def is_connected(self) -> bool:
        """Whether it is open and there is nothing to read, such as its end or unexpected bytes."""
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
    """A `_BoundedConnecting` with TLS."""


class _Stack:
    """The idle connections of a pool; urllib3's own queue takes locks, and five times as long."""

    def __init__(self, maxsize: int) -> None:
        self._connections: deque[Any] = deque()
        self._maxsize = maxsize

    def get(self, **_how_long: Any) -> Any:
        """Take the connection that was put back last.

        Raises:
            Empty: There is none.
        """
        try:
            return self._connections.pop()
        except IndexError:
            raise Empty from None

    def put(self, connection: Any, **_how_long: Any) -> None:
        """Put a connection back.

        Raises:
            Full: The stack has its maximum size.
        """
        if len(self._connections) >= self._maxsize:
            raise Full
        self._connections.append(connection)

    def qsize(self) -> int:
        """Get the number of connections."""
        return len(self._connections)


class _EndingPool(HTTPConnectionPool):
    """A pool that closes connections which are too old or were idle for too long."""

    ConnectionCls = _BoundedConnecting
    QueueCls: Any = _Stack

    #: When the latest attempt failed.
    _failed_at = 0.0

    def note_failure(self) -> None:
        """Replace open connections before their next use, if older than `MIN_AGE_SECONDS`."""
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
