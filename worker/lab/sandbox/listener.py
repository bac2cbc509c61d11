"""The sandbox's listening socket, which can be closed and opened again on the same port."""

import asyncio
import socket

from aiohttp import web

from convertro.host import bracketed

#: The most connections that may wait to be accepted: workers that start together come at once.
_BACKLOG = 1024


class Listener:
    """Listens on one address, except while connections are refused."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        """Bind to the address without listening yet.

        Raises:
            OSError: The host is unknown or the port is taken.
        """
        self._runner = runner
        self._socket = _bound(host, port)
        self._site: web.SockSite | None = None
        self._windows = 0
        self._settling = asyncio.Lock()
        #: Connections whose request has been read and is being answered; they may finish when the
        #: socket closes. All others are ended, so that what they were sending is not accepted.
        self.busy: set[object] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the system chose the port if it was given as 0."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def base_url(self) -> str:
        """The URL at which the sandbox listens."""
        host, port = self.address
        return f"http://{bracketed(host)}:{port}"

    async def refuse(self, after_seconds: float, for_seconds: float) -> None:
        """Refuse connections for a while, in seconds; several such windows may overlap."""
        await asyncio.sleep(after_seconds)
        self._windows += 1
        try:
            await self.settle()
            await asyncio.sleep(for_seconds)
        finally:
            self._windows -= 1
        await self.settle()

    async def settle(self) -> None:
        """Stop listening while any window is open; listen otherwise."""
        async with self._settling:
            if self._windows == 0 and self._site is None:
                site = web.SockSite(self._runner, self._socket, backlog=_BACKLOG)
                await site.start()
                self._site = site
            elif self._windows > 0 and self._site is not None:
                await self._shut(self._site)
                self._site = None

    async def _shut(self, site: web.SockSite) -> None:
        """Stop listening but keep the port.

        While a socket is bound but does not listen, the system refuses connections, and no other
        process can take the port.
        """
        host, port = self.address
        await site.stop()
        self._socket = _bound(host, port)
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection in self.busy:
                connection.close()  # after its answer is sent
            else:
                connection.force_close()

    def close(self) -> None:
        """Release the address."""
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
