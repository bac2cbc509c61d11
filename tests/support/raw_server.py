"""A server that answers with the bytes that a test chooses, on real connections."""

import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from threading import Event, Thread

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'

HOST = "127.0.0.1"

#: Answers one request on a connection; returns whether to keep the connection open.
Act = Callable[["RawServer", socket.socket], bool]

#: The wait between two bytes of an answer that drips, in seconds.
DRIP_SECONDS = 0.1


def answer(*pieces: bytes) -> Act:
    """Send pieces and keep the connection open."""

    def act(server: "RawServer", connection: socket.socket) -> bool:
        for piece in pieces:
            connection.sendall(piece)
        return True

    return act


def then_close(*pieces: bytes) -> Act:
    """Send pieces and close the connection."""

    def act(server: "RawServer", connection: socket.socket) -> bool:
        answer(*pieces)(server, connection)
        return False

    return act


def endless(beginning: bytes, pieces: Iterable[bytes]) -> Act:
    """Send a beginning, then pieces as fast as they are read, until the client disconnects."""

    def act(server: "RawServer", connection: socket.socket) -> bool:
        connection.sendall(beginning)
        for piece in pieces:
            if server.ended.is_set():
                break
            connection.sendall(piece)
        return False

    return act


def dripping(beginning: bytes, drop: bytes = b"x") -> Act:
    """Send a beginning, then a drop every `DRIP_SECONDS`, until the client disconnects."""

    def act(server: "RawServer", connection: socket.socket) -> bool:
        connection.sendall(beginning)
        while not server.ended.wait(DRIP_SECONDS):
            connection.sendall(drop)
        return False

    return act


def silence(server: "RawServer", connection: socket.socket) -> bool:
    """Send nothing until the server ends."""
    server.ended.wait()
    return False


def forever(piece: bytes) -> Iterator[bytes]:
    """Repeat a piece without end."""
    return repeat(piece)


@dataclass
class RawServer:
    """Answers each request by the next act; without further acts by the usual one, a success."""

    listener: socket.socket
    #: Its TLS context; None for plain connections.
    tls: ssl.SSLContext | None = None
    acts: deque[Act] = field(default_factory=deque)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    #: The number of connections that were closed, by either side.
    closed: int = 0
    ended: Event = field(default_factory=Event)
    usual: Act = field(default_factory=lambda: answer(OK))

    @property
    def base_url(self) -> str:
        return f"http{'s' if self.tls else ''}://{HOST}:{self.port}"

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def will(self, *acts: Act) -> None:
        """Set the acts for the next requests."""
        self.acts.extend(acts)

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError), self._spoken_to(plain) as connection:
            while request := _read_request(connection):
                self.requests.append(request)
                act = self.acts.popleft() if self.acts else self.usual
                if not act(self, connection):
                    break
        self.closed += 1

    def _spoken_to(self, plain: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(plain, server_side=True) if self.tls else plain


def _read_request(connection: socket.socket) -> bytes:
    """Read one request with its body; empty if the client has disconnected."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += (received := connection.recv(65536))
        if not received:
            return b""
    head, _, body = request.partition(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def raw_server(
    *acts: Act, tls: ssl.SSLContext | None = None, host: str = HOST, port: int = 0
) -> Iterator[RawServer]:
    with socket.create_server((host, port), backlog=64) as listener:
        server = RawServer(listener, tls, deque(acts))
        Thread(target=server.serve, daemon=True).start()
        yield server
        server.ended.set()
        listener.shutdown(socket.SHUT_RDWR)
