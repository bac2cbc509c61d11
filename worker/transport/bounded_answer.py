"""An answer is bounded as a whole, its headers too: in time and in size.

A socket's timeout only bounds the wait for the next bytes, so a server that sends one now and
then would hold a thread for longer than the lease of its event; one that never stops would
fill the memory.
"""

import http.client
import io
import socket
from time import monotonic
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import DecodeError, HeaderParsingError
from urllib3.util.response import assert_header_parsing

#: An answer as it comes over the wire, with all that precedes its body. Convertro's answers
#: are a few hundred bytes.
_MAX_ANSWER_BYTES = 256 * 1024

#: What is read of a line of headers at once; a longer line is read in pieces.
_LINE_BYTES = 64 * 1024

#: Convertro's answers are a line of JSON; this is what it may come to, decompressed.
_MAX_BODY_BYTES = 64 * 1024
_CHUNK_BYTES = 16 * 1024

#: What can be decoded. None is asked for, but a proxy may compress all the same.
_CONTENT_ENCODINGS = ("", "identity", *HTTPResponse.CONTENT_DECODERS)
_TRANSFER_ENCODINGS = ("", "identity", "chunked")

#: Answers that never have a body, whatever their headers say.
BODILESS = frozenset({204, 304})


class AnswerTooLong(http.client.HTTPException):
    """The answer is larger than anything that Convertro would send."""


class _BoundedReader(io.RawIOBase):
    """Reads one answer from a socket: for as long as its timeout in all, and not without end.

    Args:
        sock: Where the answer comes from.
        raw: Its bytes as a file.
        read: What was read of the answer before.
    """

    def __init__(self, sock: socket.socket, raw: Any, read: bytes) -> None:
        self._sock = sock
        self._raw = raw
        self._read = read
        self._deadline = monotonic() + (sock.gettimeout() or 0.0)
        self._bytes_left = _MAX_ANSWER_BYTES
        #: Whether the other side has closed the connection, as far as was read.
        self.ended = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there.

        Raises:
            TimeoutError: The answer did not end in time.
            AnswerTooLong: It did not end in size.
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
        """Close the socket's side of it too."""
        self._raw.close()
        super().close()


class BoundedAnswer(http.client.HTTPResponse):
    """An HTTP answer that ends in time and in size; something of it may have been read before."""

    def __init__(self, sock: socket.socket, *args: Any, read: bytes = b"", **named: Any) -> None:
        super().__init__(sock, *args, **named)
        buffered: Any = self.fp
        self._reader = _BoundedReader(sock, buffered.detach(), read)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the status and the headers.

        Raises:
            HTTPException: They are no HTTP, too long, or break off.
        """
        super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")
        _refuse_what_is_no_header(self.headers)
        if self.status in BODILESS:
            # A body that must not be there would be taken for the next answer.
            announced = self.chunked or self.headers.get("Content-Length", "0") != "0"
            self.will_close = self.will_close or announced
            self.chunked, self.length = False, 0

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status of the answer itself, past the interim ones that may precede it.

        http.client does so for 100 alone. It would take any other for the answer, and the
        answer that follows for the one to the next request.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in its stub
            if status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.UnknownProtocol(reason)
            if status >= http.client.OK:
                return version, status, reason
            while self.fp.readline(_LINE_BYTES) not in (b"\r\n", b"\n", b""):
                pass


def _refuse_what_is_no_header(headers: http.client.HTTPMessage) -> None:
    """Do not guess what headers are meant to say; urllib3 would, and log what it cannot read.

    Raises:
        HTTPException: There is a line that is none, behind which all headers are lost.
    """
    try:
        assert_header_parsing(headers)
    except HeaderParsingError:
        raise http.client.HTTPException("a header that is none") from None


def read_body(answer: BaseHTTPResponse) -> bytes:
    """Read a body to its end.

    Raises:
        AnswerTooLong: It goes on beyond its bound; the rest was not read.
        HTTPError: It cannot be decoded, breaks off, or does not end in time.
    """
    _check_encodings(answer.headers)
    body = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise AnswerTooLong
    return bytes(body)


def _check_encodings(headers: HTTPHeaderDict) -> None:
    """Refuse what nobody here can decode; read as it is, it might hide an error."""
    content = headers.get("Content-Encoding", "").lower().split(",")
    known = all(coding.strip() in _CONTENT_ENCODINGS for coding in content)
    if not known or headers.get("Transfer-Encoding", "").lower() not in _TRANSFER_ENCODINGS:
        raise DecodeError("the answer's encoding is unknown")
