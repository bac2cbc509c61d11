"""Broken and malicious answers that a destination may send, each with its outcome."""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import count

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.settings import Settings
from tests.support.raw_server import (
    OK,
    Act,
    RawServer,
    answer,
    dripping,
    endless,
    forever,
    silence,
    then_close,
)
from tests.support.waiting import until
from worker.transport.transport import Transport

REFUSED = b'{"status":"error","message":"no such site"}'
MEGABYTE = 1024 * 1024


def http(
    body: bytes = b"", *headers: bytes, status: bytes = b"200 OK", length: bytes | None = None
) -> bytes:
    """A whole answer; its length is right unless the test gives another one."""
    length = b"%d" % len(body) if length is None else length
    lines = [b"HTTP/1.1 " + status, b"Content-Length: " + length, *headers, b"", body]
    return b"\r\n".join(lines)


UNAVAILABLE = http(b"no", status=b"503 Service Unavailable")


def headless(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer up to its body, without a length."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"", b""])


def bomb(levels: int, write: Callable[[bytes], bytes] = gzip.compress) -> bytes:
    """Ten gigabytes of zeros, compressed once or twice."""
    member = write(bytes(10 * MEGABYTE))
    return member * 1000 if levels == 1 else write(member * 1000)


CHUNKED = b"Transfer-Encoding: chunked"
JSON = b"Content-Type: application/json"
HTML = b"Content-Type: text/html"
ELSEWHERE = b"Location: http://127.0.0.1:%d/elsewhere"
GZIP = b"Content-Encoding: gzip"

#: The server's act, and the class and detail of its outcome.
CASES: dict[str, tuple[Act, str, str]] = {
    # never ending
    "endless body": (
        endless(headless(), forever(b"y" * 65536)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless chunks": (
        endless(headless(CHUNKED), forever((b"64\r\n" + b"y" * 100 + b"\r\n") * 500)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless chunk extension": (
        endless(headless(CHUNKED) + b"2;x=", forever(b"x" * 65536)),
        "ambiguous",
        "answer_garbled",
    ),
    "endless trailer": (
        endless(headless(CHUNKED) + b"0\r\n", forever(b"X-More: 1\r\n" * 5000)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless empty members": (
        endless(headless(GZIP), forever(gzip.compress(b"") * 1000)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless body of an error": (
        endless(headless(status=b"400 Bad Request"), forever(b"y" * 65536)),
        "rejected",
        "http_400",
    ),
    "endless web page": (
        endless(headless(HTML), forever(b"<p>" * 20000)),
        "setup",
        "web_page",
    ),
    "endless headers": (
        endless(b"HTTP/1.1 200 OK\r\n", (b"X-%d: 1\r\n" % number for number in count())),
        "ambiguous",
        "answer_garbled",
    ),
    "endless 100": (
        endless(b"", forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless 103": (
        endless(b"", forever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2000)),
        "ambiguous",
        "answer_too_long",
    ),
    "endless status line": (
        endless(b"HTTP/1.1 200 ", forever(b"O" * 65536)),
        "ambiguous",
        "answer_garbled",
    ),
    "silence": (silence, "ambiguous", "read_timeout"),
    "dripping status line": (dripping(b"HTTP/1.1 200 "), "ambiguous", "read_timeout"),
    "dripping header": (dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "), "ambiguous", "read_timeout"),
    "dripping body": (dripping(headless(b"Content-Length: 60000")), "ambiguous", "read_timeout"),
    "dripping chunk size": (dripping(headless(CHUNKED) + b"2;x="), "ambiguous", "read_timeout"),
    "dripping chunk": (dripping(headless(CHUNKED) + b"ffff\r\n"), "ambiguous", "read_timeout"),
    "dripping gzip": (
        dripping(headless(GZIP) + gzip.compress(b"")[:-8], b"\0"),
        "ambiguous",
        "read_timeout",
    ),
    "dripping 100": (
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "ambiguous",
        "read_timeout",
    ),
    "dripping body of an error": (
        dripping(headless(b"Content-Length: 60000", status=b"404 Not Found")),
        "rejected",
        "http_404",
    ),
    # compressed
    "honest gzip": (answer(http(gzip.compress(REFUSED), GZIP)), "rejected", "error_in_body"),
    "honest deflate": (
        answer(http(zlib.compress(REFUSED), b"Content-Encoding: deflate")),
        "rejected",
        "error_in_body",
    ),
    "gzip bomb": (endless(headless(GZIP), [bomb(1)]), "ambiguous", "answer_too_long"),
    "gzip bomb in gzip": (
        endless(http(bomb(2), b"Content-Encoding: gzip, gzip"), []),
        "ambiguous",
        "answer_too_long",
    ),
    "deflate bomb": (
        endless(http(zlib.compress(bytes(100 * MEGABYTE)), b"Content-Encoding: deflate"), []),
        "ambiguous",
        "answer_too_long",
    ),
    "no gzip at all": (answer(http(b"\x1f\x8bnot gzip", GZIP)), "ambiguous", "answer_garbled"),
    "many layers": (
        answer(http(b"x", b"Content-Encoding: " + b", ".join([b"gzip"] * 50))),
        "ambiguous",
        "answer_garbled",
    ),
    "unknown encoding": (
        answer(http(REFUSED, b"Content-Encoding: rot13")),
        "ambiguous",
        "answer_garbled",
    ),
    "error without its gzip": (
        answer(http(b"?", GZIP, status=b"500 Oops")),
        "ambiguous",
        "http_500",
    ),
    # bodies
    "no JSON": (answer(http(b"thanks!", JSON)), "accepted", "accepted"),
    "JSON broken off": (answer(http(b'{"status":', JSON)), "accepted", "accepted"),
    "no UTF-8": (answer(http(b"\xff\xfe\xfd", JSON)), "accepted", "accepted"),
    "error that is no UTF-8": (
        answer(http(b'{"status":"error","message":"\xff"}', JSON)),
        "rejected",
        "error_in_body",
    ),
    "error with a number of too many digits": (
        answer(http(b'{"status":"error","code":' + b"9" * 5000 + b"}", JSON)),
        "rejected",
        "error_in_body",
    ),
    "error behind a byte order mark": (
        answer(http(b"\xef\xbb\xbf" + REFUSED, JSON)),
        "rejected",
        "error_in_body",
    ),
    "too deeply nested": (
        answer(http(b'{"status":"error","in":' + b"[" * 30000 + b"]" * 30000 + b"}", JSON)),
        "ambiguous",
        "answer_garbled",
    ),
    "error as plain text": (
        answer(http(REFUSED, b"Content-Type: text/plain")),
        "rejected",
        "error_in_body",
    ),
    "error as an image": (
        answer(http(REFUSED, b"Content-Type: image/png")),
        "rejected",
        "error_in_body",
    ),
    "success as an image": (
        answer(http(b'{"status":"ok"}', b"Content-Type: image/png")),
        "accepted",
        "accepted",
    ),
    "web page": (answer(http(b"<html>", HTML)), "setup", "web_page"),
    "too long by one byte": (answer(http(b" " * 65537)), "ambiguous", "answer_too_long"),
    "as long as may be": (answer(http(REFUSED.ljust(65536))), "rejected", "error_in_body"),
    # headers
    "header of a megabyte": (
        endless(http(b"", b"X-Long: " + b"x" * MEGABYTE), []),
        "ambiguous",
        "answer_garbled",
    ),
    "ten thousand headers": (
        endless(http(b"", *(b"X-%d: 1" % number for number in range(10_000))), []),
        "ambiguous",
        "answer_garbled",
    ),
    "ninety long headers": (
        endless(http(b"", *(b"X-%d: %060000d" % (number, 1) for number in range(90))), []),
        "ambiguous",
        "answer_too_long",
    ),
    "a line that is no header": (
        answer(b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n"),
        "ambiguous",
        "answer_garbled",
    ),
    "a header without a name": (answer(http(b"", b": none")), "ambiguous", "answer_garbled"),
    "a name that is no ASCII": (
        answer(http(b"", b"X-\xff\xfe: 1")),
        "ambiguous",
        "answer_garbled",
    ),
    "a value that is no ASCII": (
        answer(http(b"", b"X-Odd: \xf0\x9f\0")),
        "accepted",
        "accepted",
    ),
    "a multipart success": (
        answer(http(b"ok", b"Content-Type: multipart/mixed; boundary=x")),
        "accepted",
        "accepted",
    ),
    "Retry-After in no year": (
        answer(http(b"", b"Retry-After: Mon, 04 May 99999999999 10:00:00 GMT", status=b"503 No")),
        "ambiguous",
        "http_503",
    ),
    # status lines
    "garbage": (answer(b"\0\1\2\3garbage\r\n\r\n"), "ambiguous", "answer_garbled"),
    "another protocol": (answer(b"SSH-2.0-OpenSSH_9.9\r\n"), "ambiguous", "answer_garbled"),
    "a page as in HTTP/0.9": (then_close(b"<html>ok</html>\r\n"), "ambiguous", "answer_garbled"),
    "HTTP of the future": (answer(b"HTTP/4.0 200 OK\r\n\r\n"), "ambiguous", "answer_garbled"),
    "status that is no number": (answer(b"HTTP/1.1 OK OK\r\n\r\n"), "ambiguous", "answer_garbled"),
    "status below 100": (answer(b"HTTP/1.1 -200 OK\r\n\r\n"), "ambiguous", "answer_garbled"),
    "status 999": (answer(http(status=b"999 Denied")), "ambiguous", "http_999"),
    "no reason": (answer(http(status=b"200")), "accepted", "accepted"),
    "old HTTP": (then_close(b"HTTP/1.0 200 OK\r\n\r\n" + REFUSED), "rejected", "error_in_body"),
    # interim answers
    "100 and an answer": (
        answer(b"HTTP/1.1 100 Continue\r\n\r\n", http(REFUSED)),
        "rejected",
        "error_in_body",
    ),
    "103 and an answer": (
        answer(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", http(REFUSED)),
        "rejected",
        "error_in_body",
    ),
    "101": (answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "ambiguous", "answer_garbled"),
    # lengths
    "length below zero": (then_close(http(REFUSED, length=b"-1")), "rejected", "error_in_body"),
    "length that is no number": (
        then_close(http(REFUSED, length=b"many")),
        "rejected",
        "error_in_body",
    ),
    "length of five thousand digits": (
        then_close(http(REFUSED, length=b"9" * 5000)),
        "rejected",
        "error_in_body",
    ),
    "length beyond all memory": (
        then_close(http(REFUSED, length=b"9" * 18)),
        "ambiguous",
        "answer_cut_off",
    ),
    "two lengths": (answer(http(REFUSED, b"Content-Length: 5")), "ambiguous", "answer_garbled"),
    "204 with a body": (answer(http(REFUSED, status=b"204 No Content")), "accepted", "accepted"),
    "204 in chunks that never come": (
        answer(headless(CHUNKED, status=b"204 No Content")),
        "accepted",
        "accepted",
    ),
    # chunks
    "chunk size that is no number": (
        answer(headless(CHUNKED) + b"many\r\nok\r\n0\r\n\r\n"),
        "ambiguous",
        "answer_cut_off",
    ),
    "chunk size below zero": (
        then_close(headless(CHUNKED) + b"-5\r\nok\r\n0\r\n\r\n"),
        "ambiguous",
        "answer_cut_off",
    ),
    "chunk beyond all memory": (
        then_close(headless(CHUNKED) + b"f" * 15 + b"\r\nok"),
        "ambiguous",
        "answer_cut_off",
    ),
    "chunks that break off": (
        then_close(headless(CHUNKED) + b'f\r\n{"status":"ok"}\r\n'),
        "ambiguous",
        "answer_cut_off",
    ),
    "chunks and a length": (
        answer(headless(CHUNKED, b"Content-Length: 3") + b"2\r\n{}\r\n0\r\n\r\n"),
        "accepted",
        "accepted",
    ),
    "chunks of gzip in the wrong header": (
        then_close(headless(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
        "ambiguous",
        "answer_garbled",
    ),
    # connections
    "closed at once": (then_close(), "ambiguous", "connection_lost"),
    "closed within the status line": (then_close(b"HTTP/1.1 20"), "ambiguous", "answer_garbled"),
    "closed within the headers": (
        then_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
        "ambiguous",
        "answer_cut_off",
    ),
    "closed after the headers": (
        then_close(http(REFUSED)[: -len(REFUSED)]),
        "ambiguous",
        "answer_cut_off",
    ),
    "closed within the body": (then_close(http(REFUSED)[:-1]), "ambiguous", "answer_cut_off"),
    "two answers to one request": (answer(http() + http(REFUSED)), "accepted", "accepted"),
}

#: The answers that last until the read timeout.
SLOW = {name for name in CASES if name == "silence" or name.startswith("dripping")}

_fragments = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n", b"HTTP/1.1 503 \r\n", b"HTTP/1.0 204\r\n"),
        *(b"HTTP/1.1 301 Moved\r\nLocation: /\r\n", b"HTTP/", b"HTTP/1.1 -1 x\r\n", b"\r\n\r\n"),
        *(b"\r\n", b"\n", b"\r", b":", b" ", b"\0", b"Content-Length: ", b"1", b"-", b"ffff"),
        *(b"Content-Length: 15\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: "),
        *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n", b"Content-Encoding: "),
        *(b"Content-Type: text/html\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n"),
        *(b"Retry-After: ", b"Mon, 04 May 2026 10:00:00 GMT", b"Connection: keep-alive\r\n"),
        *(b'{"status":"ok"}', REFUSED, b"0\r\n\r\n", b"2\r\n{}\r\n", gzip.compress(REFUSED)),
        *(gzip.compress(b""), zlib.compress(REFUSED), b"9" * 5000, b"[" * 5000, b"x" * 70_000),
    ]
)

#: Bytes that partly look like an answer.
bytes_of_answers = st.builds(
    lambda start, parts: start + b"".join(parts),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 \r\nRetry-After: ", OK]),
    st.lists(_fragments | st.binary(max_size=8), max_size=12),
)


def check_random_answers(server: RawServer, examples: int, seed: int = 0) -> Counter[str]:
    """Check that each answer leads to an outcome and does not affect the next; count details."""
    transport = Transport(Settings(base_url=server.base_url, read_timeout_seconds=20))
    details: Counter[str] = Counter()

    def send() -> str:
        return transport.send("/v1/acme/1234/events", b"{}", "event/0").detail

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(bytes_of_answers)
    def check(data: bytes) -> None:
        server.will(then_close(data))
        details[send()] += 1
        # Wait until the server has closed the connection: the next request might still use it.
        until(lambda: server.closed == server.connections)
        assert send() == "accepted"

    check()
    transport.close()
    return details
