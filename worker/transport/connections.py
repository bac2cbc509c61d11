"""How a connection to Convertro comes about, and what reads its answers."""

import socket
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from convertro.name_lookup import look_up
from worker.transport.bounded_answer import BoundedAnswer


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


class _TlsConnection(HTTPSConnection, _BoundedConnecting):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnecting


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


#: For a pool manager's `pool_classes_by_scheme`.
BOUNDED_POOLS = {"http": _Pool, "https": _TlsPool}
