"""The sandbox's door: a listening socket that can be shut and opened again on its port."""

import asyncio
import socket

from aiohttp import web

from convertro.host import bracketed

#: Connections that may wait to be accepted; bursts come from workers starting together.
_BACKLOG = 1024


class Listener:
    """Listens on one address, except while connections are refused."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        """Take the address without listening yet.

        Raises:
            OSError: The host is unknown or the port is taken.
        """
        self._runner = runner
        self._socket = _bound(host, port)
        self._site: web.SockSite | None = None
        self._windows = 0
        self._settling = asyncio.Lock()
        #: Connections whose request was read and is being answered; they are let finish when
        #: the door shuts. All others are ended, so that what they were sending is not accepted.
        self.busy: set[object] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the latter chosen by the system if it was given as 0."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def base_url(self) -> str:
        """Where clients find the sandbox."""
        host, port = self.address
        return f"http://{bracketed(host)}:{port}"

    async def refuse(self, after_seconds: float, for_seconds: float) -> None:
        """Refuse connections for a while; windows may overlap."""
        await asyncio.sleep(after_seconds)
        self._windows += 1
        try:
            await self.settle()
            await asyncio.sleep(for_seconds)
        finally:
            self._windows -= 1
        await self.settle()

    async def settle(self) -> None:
        """Listen, or stop listening, as the windows say."""
        async with self._settling:
            if self._windows == 0 and self._site is None:
                site = web.SockSite(self._runner, self._socket, backlog=_BACKLOG)
                await site.start()
                self._site = site
            elif self._windows > 0 and self._site is not None:
                await self._shut(self._site)
                self._site = None

    async def _shut(self, site: web.SockSite) -> None:
        """Stop listening, keep the port.

        A socket that is bound but does not listen makes the system refuse connections,
        and nobody else can take the port meanwhile.
        """
        host, port = self.address
        await site.stop()
        self._socket = _bound(host, port)
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection in self.busy:
                connection.close()  # once its answer is out
            else:
                connection.force_close()

    def close(self) -> None:
        """Give the address back."""
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
