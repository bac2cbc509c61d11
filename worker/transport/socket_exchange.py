"""Exchanges a request and its answer over an open connection, without http.client and urllib3.

Nearly every request finds an open connection, and these libraries take ten times as long as the
exchange itself. So this module parses ordinary answers, which match a strict pattern, itself.
`bounded_answer` reads all other answers, as it does over new connections.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException
from time import monotonic
from typing import Any, NamedTuple, Self

import msgspec
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from worker.transport.bounded_answer import BODILESS, BoundedAnswer, read_body

#: Most bytes that are read at once; an ordinary answer has a few hundred.
_READ_BYTES = 16 * 1024

#: Status line and headers of an ordinary answer, with the empty line; at most 100 headers, as in
#: http.client.
HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d)(?: [ -~]*)?\r\n((?:[A-Za-z0-9-]+:[ -~]*\r\n){1,100})\r\n"
)

#: Headers that change how a body must be read.
_UNUSUAL_HEADERS = frozenset({"Transfer-Encoding", "Content-Encoding", "Content-Transfer-Encoding"})

#: Errors of a socket that cannot send or read yet.
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

#: Errors of a socket whose other side accepts no more bytes.
_HUNG_UP = (ConnectionError, ssl.SSLError)

#: Content types of multiple parts; http.client would search their bodies for headers.
_PARTED = ("multipart/", "message/")


class _Head(NamedTuple):
    """Status and headers of an ordinary answer."""

    status: int
    #: By names in their usual spelling, such as `Retry-After`.
    headers: Mapping[str, str]


class Answer(msgspec.Struct, frozen=True):
    """An answer, as far as it could be read."""

    status: int
    #: Looked up by names in their usual spelling, such as `Retry-After`.
    headers: Mapping[str, str]
    body: bytes
    #: Why the body could not be read; None if it could.
    fault: Exception | None = None


class Exchange:
    """A request over an open connection, and its answer.

    The constructor sends as much of the request as it can without waiting. The exchange ends with
    the answer, ordinary or not; then the connection is back in its pool.

    Args:
        pool: A pool whose answers are `BoundedAnswer`s.
        connection: An open connection of the pool.
        request: All bytes of the request, from the request line to the end of the body.
        timeout_seconds: How long request and answer may take together.
    """

    __slots__ = ("_connection", "_fault", "_pool", "_read", "_sock", "_told", "_unsent", "deadline")

    def __init__(
        self, pool: HTTPConnectionPool, connection: Any, request: bytes, timeout_seconds: float
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._sock: socket.socket = connection.sock
        self._unsent = request
        self._read = b""
        self._told: Answer | None = None
        self._fault: OSError | None = None
        #: When the answer must be complete, in seconds of the monotonic clock.
        self.deadline = monotonic() + timeout_seconds
        self._send()

    @classmethod
    def over_open_connection(
        cls, pool: HTTPConnectionPool, request: bytes, timeout_seconds: float
    ) -> Self | None:
        """Send a request; if no connection is open, send nothing and return None."""
        connection: Any = pool._get_conn()  # noqa: SLF001  urllib3 has no public way to borrow one
        if connection.sock is None:
            pool._put_conn(connection)  # noqa: SLF001  as above
            return None
        pool.num_requests += 1
        return cls(pool, connection, request, timeout_seconds)

    def fileno(self) -> int:
        """Get the socket's file descriptor, which is readable when an answer comes."""
        return self._sock.fileno()

    @property
    def is_sent(self) -> bool:
        """Whether the whole request has been sent."""
        return not self._unsent

    def ordinary_answer(self) -> Answer | None:
        """Read without waiting; None unless that gives a whole ordinary answer."""
        try:
            self._read = self._sock.recv(_READ_BYTES)
        except _WOULD_BLOCK:
            return None
        except OSError as fault:
            self._fault = fault
            return None
        self._told = _ordinary_answer(self._read)
        if self._told:
            self._give_back(keep=True)
        return self._told

    def answer(self) -> Answer:
        """Wait for the answer.

        Raises:
            HTTPException: The answer is not valid HTTP.
            OSError: The connection broke, or the answer did not come in time.
        """
        if self._told:
            return self._told
        keep = False
        try:
            answer, keep = self._answer()
            return answer
        finally:
            self._give_back(keep=keep and not self._fault)

    def _send(self) -> None:
        sent = 0
        try:
            if self._sock.gettimeout() != 0:
                self._sock.settimeout(0)
            sent = self._sock.send(self._unsent)
        except _WOULD_BLOCK:
            pass
        except OSError as fault:
            self._fault = fault
        self._unsent = self._unsent[sent:]

    def _answer(self) -> tuple[Answer, bool]:
        """Wait for the answer; also tell whether the connection can be used again."""
        self._send_the_rest()
        self._bound()
        read = self._read or self._sock.recv(_READ_BYTES)
        if self._fault and not read:
            raise self._fault
        if answer := _ordinary_answer(read):
            return answer, True
        self._bound()
        return _unusual_answer(self._sock, read)

    def _send_the_rest(self) -> None:
        if self._fault:  # the request could not be sent, or the answer not be read
            raise self._fault
        if self._unsent:
            self._bound()
            try:
                self._sock.sendall(self._unsent)
            except _HUNG_UP as fault:  # Convertro reads no more, but may have answered why
                self._fault = fault

    def _bound(self) -> None:
        """Limit the socket's next operation to the time that is left."""
        self._sock.settimeout(max(self.deadline - monotonic(), 0.001))

    def _give_back(self, *, keep: bool) -> None:
        if not keep:
            self._connection.close()
        self._pool._put_conn(self._connection)  # noqa: SLF001  as above


def _ordinary_answer(read: bytes) -> Answer | None:
    head, end, body = read.partition(b"\r\n\r\n")
    found = _ordinary_head(head + end)
    if found is None or found.headers.get("Content-Length") != str(len(body)):
        return None
    return Answer(found.status, found.headers, body)


@lru_cache(maxsize=64)
def _ordinary_head(text: bytes) -> _Head | None:
    """Parse a status line and headers; None if they are not ordinary.

    The cache helps, because most servers send the same headers with all answers of one second.
    """
    head = HEAD.fullmatch(text)
    if head is None:
        return None
    lines = head[2].decode("ascii").splitlines()
    pairs = [line.split(":", 1) for line in lines]
    headers = {name.title(): value.strip(" ") for name, value in pairs}
    status = int(head[1])
    is_ordinary = (
        len(headers) == len(lines)
        and headers.get("Connection", "keep-alive").lower() == "keep-alive"
        and _UNUSUAL_HEADERS.isdisjoint(headers)
        and status not in BODILESS
        and not headers.get("Content-Type", "").lower().startswith(_PARTED)
    )
    return _Head(status, headers) if is_ordinary else None


def _unusual_answer(sock: socket.socket, read: bytes) -> tuple[Answer, bool]:
    answer = BoundedAnswer(sock, method="POST", read=read)
    try:
        answer.begin()
        response = HTTPResponse(
            body=answer,
            headers=HTTPHeaderDict(answer.msg.items()),
            status=answer.status,
            version=answer.version,
            reason=answer.reason,
            preload_content=False,
            original_response=answer,
            request_method="POST",
        )
        told = answer_of(response)
        return told, told.fault is None and answer.isclosed() and not answer.will_close
    finally:
        answer.close()


def answer_of(response: Any) -> Answer:
    """Read urllib3's response to its end; an error while reading becomes the answer's fault."""
    try:
        return Answer(response.status, response.headers, read_body(response))
    except (HTTPError, HTTPException, OSError) as fault:
        return Answer(response.status, response.headers, b"", fault)
