"""A response that is sent in one piece, in place of aiohttp's, which costs a tenth of a request."""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class WholeResponse(web.StreamResponse):
    """Writes its head and body at once.

    Args:
        request: What it answers.
        status: The HTTP status.
        headers: All but `Content-Length`, `Date` and, unless it is there, `Connection`.
        body: Left out where HTTP wants none.
    """

    def __init__(
        self, request: web.BaseRequest, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        super().__init__(status=status)
        self._request = request
        self._whole = _head(request, status, headers, len(body))
        if request.method != "HEAD":
            self._whole += body

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open."""
        return self._request.keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Nothing is sent before the end."""
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it."""
        await self._request.writer.write(self._whole + data)


def _head(
    request: web.BaseRequest, status: int, headers: Mapping[str, str], body_bytes: int
) -> bytes:
    major, minor = request.version
    lines = [f"HTTP/{major}.{minor} {status} {_REASONS[status]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Date: {_date(int(time()))}")
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {body_bytes}")
    # Each version names the one that it does not take for granted.
    if request.keep_alive == (minor == 0) and "Connection" not in headers:
        lines.append(f"Connection: {'keep-alive' if request.keep_alive else 'close'}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """The value of `Date`, made once a second."""
    return formatdate(second, usegmt=True)
