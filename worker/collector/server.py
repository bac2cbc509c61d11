"""The collector's HTTP server: aiohttp's, with bounded connections; it never quotes a request."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import web

from worker.collector import answers
from worker.collector.metrics import CollectorMetrics
from worker.log_actions import LogAction

#: How long a client may take to send the headers of its first request, in seconds.
_FIRST_REQUEST_SECONDS = 10.0

#: How long a connection may be idle between requests, including the headers of the next one, in
#: seconds. Longer than a reverse proxy's own bound: otherwise the proxy might send a request over a
#: connection that is being closed.
_REST_SECONDS = 75.0

#: How long a client may leave its answers unread before its connection is cut, in seconds.
_UNREAD_SECONDS = 30.0

#: How long the server reads the rest of a refused body, in seconds, so that the client gets to read
#: the answer.
_LINGERING_SECONDS = 2.0

#: How long a stopping process goes on with requests that it has read, in seconds: longer than the
#: journal takes.
STOP_SECONDS = 10.0

#: How often a process checks that its parent is alive, in seconds.
_PARENT_SECONDS = 1.0

_BACKLOG = 1024

_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = structlog.stdlib.get_logger(__name__)


class _Connection(web.RequestHandler):
    """A connection, refused if too many are open and closed if no request comes."""

    __slots__ = ("_is_counted", "_server")

    def __init__(self, server: "CollectorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._is_counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse the connection if too many are open."""
        if self._server.is_full:
            self._server.metrics.refused_connections.inc()
            transport.write(_TOO_MANY_CONNECTIONS)  # type: ignore[attr-defined]
            transport.close()
            return
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_UNREAD_SECONDS * 1000)
            )
        self._is_counted = True
        self._server.count(1)
        self._loop.call_later(_FIRST_REQUEST_SECONDS, self._end_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop counting the connection."""
        if self._is_counted:
            self._is_counted = False
            self._server.count(-1)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data even while the process stops, if they are the body of a request in progress."""
        if not self._request_in_progress:
            super().data_received(data)
            return
        closing = self._close, self._force_close
        self._close = self._force_close = False  # else aiohttp drops the data and disconnects
        super().data_received(data)
        self._close, self._force_close = closing

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Resume only what was paused: aiohttp calls this for each body, mostly without need."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _end_if_silent(self) -> None:
        if not self._request_count:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  the same
    ) -> web.StreamResponse:
        """Answer a malformed request or a fault of ours, without quoting the request."""
        answer = answers.BAD_REQUEST
        if status >= 500:  # noqa: PLR2004  a fault of ours
            answer = answers.FAILED
            self.log_exception(exc_info=exc)
        self._server.metrics.request("other", answer.status).inc()
        headers = {"Server": "convertro", "Content-Type": answer.content_type}
        response = web.Response(status=answer.status, body=answer.body, headers=headers)
        response.force_close()
        return response

    def log_exception(self, *_: Any, exc_info: BaseException | None = None) -> None:
        """Log only the error's type, because its text may quote the request."""
        log.error(
            "A request failed: the collector's own code is wrong.",
            action=LogAction.COLLECTOR_FAILED,
            error=type(exc_info).__name__,
        )


class CollectorServer(web.Server):
    """Makes and counts the connections.

    Args:
        handler: Answers requests.
        metrics: Where connections are counted.
        most_connections: The most connections that may be open.
    """

    def __init__(self, handler: Handler, metrics: CollectorMetrics, most_connections: int) -> None:
        super().__init__(handler)
        self.metrics = metrics
        self._open = 0
        self._most_connections = most_connections
        metrics.most_connections.set(most_connections)

    @property
    def is_full(self) -> bool:
        """Whether as many connections are open as may be."""
        return self._open >= self._most_connections

    def count(self, opened: int) -> None:
        """Count connections that were opened; a negative number of them were closed."""
        self._open += opened
        self.metrics.connections.set(self._open)

    def __call__(self) -> web.RequestHandler:
        """Make a connection."""
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_REST_SECONDS,
            lingering_time=_LINGERING_SECONDS,
        )


async def serve(
    server: CollectorServer,
    listening: socket.socket,
    *,
    stop_signals: Iterable[signal.Signals],
    parent_id: int | None = None,
) -> None:
    """Answer requests until a signal comes; requests that have been read by then are answered.

    Args:
        server: Makes the connections.
        listening: The socket on which requests come.
        stop_signals: The signals that end it.
        parent_id: The parent process; serving ends when the parent is gone. None for none.
    """
    runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in stop_signals:
        loop.add_signal_handler(number, stopping.set)
    await web.SockSite(runner, listening, backlog=_BACKLOG).start()
    if parent_id is None:
        await stopping.wait()
    else:
        await _until_stopped_or_orphaned(stopping, parent_id)
    await runner.cleanup()


async def _until_stopped_or_orphaned(stopping: asyncio.Event, parent_id: int) -> None:
    while os.getppid() == parent_id and not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_PARENT_SECONDS):
                await stopping.wait()
