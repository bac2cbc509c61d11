"""The collector's HTTP server: aiohttp's, with a bound on connections, and no echo."""

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

#: How long a client may take to begin its first request, headers included.
_FIRST_REQUEST_SECONDS = 10.0

#: How long a connection may rest between requests, the headers of the next one included: longer
#: than a reverse proxy's own, or it would send into a connection that closes.
_REST_SECONDS = 75.0

#: How long a client may read nothing of its answers before its connection is cut.
_UNREAD_SECONDS = 30.0

#: How long the rest of a body that is refused is read, so that the client hears why.
_LINGERING_SECONDS = 2.0

#: How long a stopping process goes on with requests that were read: longer than the journal takes.
STOP_SECONDS = 10.0

#: How often a process looks whether its parent lives.
_PARENT_SECONDS = 1.0

_BACKLOG = 1024

_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = structlog.stdlib.get_logger(__name__)


class _Connection(web.RequestHandler):
    """A connection that is refused if there are too many, and closed if it says nothing."""

    __slots__ = ("_is_counted", "_server")

    def __init__(self, server: "CollectorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._is_counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless too many are open."""
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
        """Count it no longer."""
        if self._is_counted:
            self._is_counted = False
            self._server.count(-1)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes, even if the process stops: the body of a request that has begun."""
        if not self._request_in_progress:
            super().data_received(data)
            return
        closing = self._close, self._force_close
        self._close = self._force_close = False  # else aiohttp drops it, and cuts the client off
        super().data_received(data)
        self._close, self._force_close = closing

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on if reading was paused; aiohttp calls this at each body and would parse nothing."""
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
        """Answer what is no HTTP, or a fault of ours; neither quotes what came."""
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
        """Say of which kind it is: its text may quote what came."""
        log.error(
            "A request failed: the collector's own code is wrong.",
            action=LogAction.COLLECTOR_FAILED,
            error=type(exc_info).__name__,
        )


class CollectorServer(web.Server):
    """Makes the connections.

    Args:
        handler: Answers requests.
        metrics: Counts connections.
        most_connections: How many may be open.
    """

    def __init__(self, handler: Handler, metrics: CollectorMetrics, most_connections: int) -> None:
        super().__init__(handler)
        self.metrics = metrics
        self._open = 0
        self._most_connections = most_connections
        metrics.most_connections.set(most_connections)

    @property
    def is_full(self) -> bool:
        """Whether no more connections may be opened."""
        return self._open >= self._most_connections

    def count(self, opened: int) -> None:
        """So many connections were opened; fewer than none were closed."""
        self._open += opened
        self.metrics.connections.set(self._open)

    def __call__(self) -> web.RequestHandler:
        """Make one."""
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
    """Answer requests until a signal comes; what was read by then is answered.

    Args:
        server: Answers them.
        listening: The socket on which they come.
        stop_signals: Those that end it.
        parent_id: The process without which this one ends as well.
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
