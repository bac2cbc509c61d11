"""The client for asyncio: threads wait for Redis, never the event loop."""

from collections.abc import Iterable, Mapping
from typing import Self, Unpack

from convertro.async_intake import AsyncIntake
from convertro.environment import Options, open_journal
from convertro.intake import row_of


class AsyncClient:
    """A `Client` for asyncio; the event loop goes on while Redis hangs.

    Simultaneous calls share round trips. If a call is cancelled, its event may be in the journal
    all the same.

    Args:
        url: As for `Client`.
        options: The keyword arguments of `Client`.

    Raises:
        SettingsError: A value is wrong; the message names the argument or the variable.
    """

    def __init__(self, url: str | None = None, **options: Unpack[Options]) -> None:
        self._journal = open_journal(url, **options)
        self._intake = AsyncIntake(self._journal)

    async def enqueue(self, event: Mapping[str, object]) -> str:
        """Put one raw Segment event into the journal; see `Client.enqueue`."""
        row = row_of(event)
        await self._intake.submit([row])
        return row[0]

    async def enqueue_many(self, events: Iterable[Mapping[str, object]]) -> list[str]:
        """Put many raw Segment events into the journal; see `Client.enqueue_many`."""
        return await self._intake.run(self._intake.intake.enqueue_many, list(events))

    async def close(self) -> None:
        """Wait until the events of all calls are sent, then close the connections."""
        await self._intake.close()
        self._journal.disconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
