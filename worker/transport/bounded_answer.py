"""HTTP answers that are bounded as a whole, headers included, in time and in size.

A socket's timeout only bounds the wait for the next bytes. So a server that sends a byte now and
then could keep a thread busy for longer than its event's lease, and a server that never stops
sending could fill the memory.
"""

import http.client
import io
import socket
from time import monotonic
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import DecodeError, HeaderParsingError
from urllib3.util.response import assert_header_parsing

#: Most bytes of an answer over the wire, with its headers. Convertro's answers have a few hundred.
_MAX_ANSWER_BYTES = 256 * 1024

#: Most bytes of a header line that are read at once; a longer line is read in pieces.
_LINE_BYTES = 64 * 1024

#: Most bytes of a decompressed body, and how many are read at once. Convertro's bodies are one line
#: of JSON.
_MAX_BODY_BYTES = 64 * 1024
_CHUNK_BYTES = 16 * 1024

#: Encodings that can be decoded. Requests ask for none, but a proxy may compress all the same.
_CONTENT_ENCODINGS = ("", "identity", *HTTPResponse.CONTENT_DECODERS)
_TRANSFER_ENCODINGS = ("", "identity", "chunked")

#: Answers that never have a body, whatever their headers say.
BODILESS = frozenset({204, 304})


class AnswerTooLong(http.client.HTTPException):
    """The answer is larger than anything that Convertro would send."""


class _BoundedReader(io.RawIOBase):
    """Reads one answer from a socket, within the socket's timeout in all and the maximum size.

    Args:
        sock: The socket.
        raw: The socket's bytes as a file.
        read: The first bytes of the answer, if some were read before.
    """

    def __init__(self, sock: socket.socket, raw: Any, read: bytes) -> None:
        self._sock = sock
        self._raw = raw
        self._read = read
        self._deadline = monotonic() + (sock.gettimeout() or 0.0)
        self._bytes_left = _MAX_ANSWER_BYTES
        #: Whether reading has met the end of the connection.
        self.ended = False

    def readable(self) -> bool:
        """Return True: `io` asks for this."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read the bytes that have come, or wait for some.

        Raises:
            TimeoutError: The answer did not end in time.
            AnswerTooLong: The answer exceeds the maximum size.
        """
        left_seconds = self._deadline - monotonic()
        if self._read:
            return self._read_again(buffer)
        if left_seconds <= 0:
            raise TimeoutError("the answer did not end in time")
        if self._bytes_left <= 0:
            raise AnswerTooLong
        self._sock.settimeout(left_seconds)
        count: int | None = self._raw.readinto(buffer)
        self._bytes_left -= count or 0
        self.ended = count == 0
        return count

    def _read_again(self, buffer: Any) -> int:
        count = min(len(buffer), len(self._read))
        buffer[:count], self._read = self._read[:count], self._read[count:]
        return count

    def close(self) -> None:
        """Close this reader and the socket's file."""
        self._raw.close()
        super().close()


class BoundedAnswer(http.client.HTTPResponse):
    """An HTTP answer bounded in time and size; its first bytes may have been read before."""

    def __init__(self, sock: socket.socket, *args: Any, read: bytes = b"", **named: Any) -> None:
        super().__init__(sock, *args, **named)
        buffered: Any = self.fp
        self._reader = _BoundedReader(sock, buffered.detach(), read)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the status and the headers.

        Raises:
            HTTPException: They are not valid HTTP, are too long, or break off.
        """
        super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")
        _refuse_unreadable_headers(self.headers)
        if self.status in BODILESS:
            # Such an answer has no body. If it sends one all the same, that would be read as the
            # next answer, so the connection is closed.
            announced = self.chunked or self.headers.get("Content-Length", "0") != "0"
            self.will_close = self.will_close or announced
            self.chunked, self.length = False, 0

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status of the final answer, and skip interim answers (1xx) before it.

        http.client skips only 100. It would take any other interim answer for the final one, and
        the final one for the answer to the next request.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in its stub
            if status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.UnknownProtocol(reason)
            if status >= http.client.OK:
                return version, status, reason
            while self.fp.readline(_LINE_BYTES) not in (b"\r\n", b"\n", b""):
                pass


def _refuse_unreadable_headers(headers: http.client.HTTPMessage) -> None:
    """Refuse headers that cannot be parsed; urllib3 would go on, and log their text.

    Raises:
        HTTPException: A line is not a header, so that all headers after it are lost.
    """
    try:
        assert_header_parsing(headers)
    except HeaderParsingError:
        raise http.client.HTTPException("a header that is none") from None


def read_body(answer: BaseHTTPResponse) -> bytes:
    """Read a body to its end.

    Raises:
        AnswerTooLong: The body exceeds the maximum size; the rest was not read.
        HTTPError: The body cannot be decoded, breaks off, or does not end in time.
    """
    _check_encodings(answer.headers)
    body = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise AnswerTooLong
    return bytes(body)


def _check_encodings(headers: HTTPHeaderDict) -> None:
    """Refuse unknown encodings, because an undecoded body could hide an error message."""
    content = headers.get("Content-Encoding", "").lower().split(",")
    known = all(coding.strip() in _CONTENT_ENCODINGS for coding in content)
    if not known or headers.get("Transfer-Encoding", "").lower() not in _TRANSFER_ENCODINGS:
        raise DecodeError("the answer's encoding is unknown")
