"""Intermediate servers: one that passes bytes on, and an HTTP proxy that answers CONNECT."""

import socket
import ssl
from contextlib import suppress
from threading import Thread
from typing import Self


class Relay:
    """Passes bytes on between its clients and another server, and can lose them silently.

    Args:
        target: The other server's host and port.
        tls: The TLS context for its clients; None for plain connections.
    """

    def __init__(self, target: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        #: Both ends of every connection.
        self._ends: list[socket.socket] = []
        #: The ends whose bytes are lost.
        self._swallowed: set[socket.socket] = set()
        self.connections = 0
        Thread(target=self._serve, daemon=True).start()

    def swallow(self) -> None:
        """Lose all bytes on the present connections from now on, in both directions, silently."""
        self._swallowed |= {*self._ends}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, plain: socket.socket) -> None:
        with suppress(OSError):
            near = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            self._ends.append(near)
            far = socket.create_connection(self._target_of(near))
            self._ends.append(far)
            self._welcome(near)
            Thread(target=self._pump, args=(far, near), daemon=True).start()
            self._pump(near, far)

    def _target_of(self, _near: socket.socket) -> tuple[str, int]:
        return self._target

    def _welcome(self, near: socket.socket) -> None:
        """Send something to the client first; nothing by default."""

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while read := source.recv(65536):
                if source not in self._swallowed:
                    sink.sendall(read)
        if source not in self._swallowed:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)


class ConnectProxy(Relay):
    """An HTTP proxy that opens tunnels."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("", 0), tls)
        #: The requests that it received, up to the end of their headers.
        self.heads: list[bytes] = []

    def _target_of(self, near: socket.socket) -> tuple[str, int]:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (read := near.recv(1)):
                raise ConnectionResetError
            head += read
        self.heads.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        return host, int(port)

    def _welcome(self, near: socket.socket) -> None:
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
