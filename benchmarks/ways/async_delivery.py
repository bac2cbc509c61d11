"""Delivers with aiohttp: one session for each event loop, with unbounded connections."""

import asyncio
from typing import Any

import aiohttp
import uvloop

from benchmarks.ways.delivery import TIMEOUTS_SECONDS, posts

_CONNECT_SECONDS, _READ_SECONDS = TIMEOUTS_SECONDS
_TIMEOUT = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)


class Deliverer:
    """Delivers events over kept connections; make it inside the event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=_TIMEOUT
        )

    async def deliver(self, event: dict[str, Any]) -> None:
        """Deliver one event.

        Raises:
            aiohttp.ClientError: It was not accepted.
        """
        for post in posts(event):
            async with self._session.post(
                post.url, data=post.body, headers=post.headers
            ) as response:
                response.raise_for_status()
                await response.read()

    async def close(self) -> None:
        await self._session.close()


def use_uvloop() -> None:
    """Make all event loops of this process uvloop's."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
