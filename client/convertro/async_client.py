"""The same for asyncio: what waits for Redis are threads, never the event loop."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import getpid
from typing import NamedTuple, Self, Unpack

from convertro.environment import Options, open_journal
from convertro.errors import JournalUnavailable
from convertro.intake import CHUNK_EVENTS, OFFERED_WAKEUPS, Intake, Row, row_of

#: One sends while the other gathers what comes meanwhile.
_THREADS = 2


class _Waiting(NamedTuple):
    """An event whose caller waits."""

    row: Row
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[str]"


class AsyncClient:
    """A `Client` whose methods are awaited; the event loop goes on while Redis hangs.

    Events that are awaited at the same time share round trips. If an await is cancelled, its
    event may be in the journal all the same.

    Args:
        url: As for `Client`, like the rest.
        options: The keyword arguments of `Client`.

    Raises:
        SettingsError: A value is wrong; the message names the argument or the variable.
    """

    def __init__(self, url: str | None = None, **options: Unpack[Options]) -> None:
        self._journal = open_journal(url, **options)
        self._intake = Intake(self._journal)
        self._waiting: deque[_Waiting] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._process_id = 0

    async def enqueue(self, event: Mapping[str, object]) -> str:
        """Hand over one raw Segment event; see `Client.enqueue`."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(row_of(event), loop, loop.create_future())
        threads = self._pool()
        self._waiting.append(waiting)
        threads.submit(self._send)
        return await waiting.future

    async def enqueue_many(self, events: Iterable[Mapping[str, object]]) -> list[str]:
        """Hand over many raw Segment events; see `Client.enqueue_many`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(), self._intake.enqueue_many, list(events))

    async def close(self) -> None:
        """Wait for what is being sent, then close the connections."""
        if self._threads is not None and self._process_id == getpid():
            await asyncio.to_thread(self._threads.shutdown)
        self._threads = None
        self._journal.disconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _pool(self) -> ThreadPoolExecutor:
        """This process's threads: those of a parent do not live on in a forked child."""
        if self._threads is None or self._process_id != getpid():
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="convertro")
            self._process_id = getpid()
            self._waiting = deque()
        return self._threads

    def _send(self) -> None:
        """Hand over what waits, as many events as one round trip takes."""
        some: list[_Waiting] = []
        while self._waiting and len(some) < CHUNK_EVENTS:
            try:
                some.append(self._waiting.popleft())
            except IndexError:  # another thread took it
                break
        if not some:
            return
        error: BaseException | None = None
        try:
            self._intake.accept([one.row for one in some], offered=min(len(some), OFFERED_WAKEUPS))
        except BaseException as caught:  # noqa: BLE001  those who await are to hear of it
            error = caught
        for one in some:
            try:
                one.loop.call_soon_threadsafe(_settle, one, error)
            except RuntimeError:  # its loop was closed meanwhile
                continue


def _settle(waiting: _Waiting, error: BaseException | None) -> None:
    """Let the caller go on, in its own loop."""
    event_id, _ = waiting.row
    if waiting.future.done():  # it was cancelled
        return
    if error is None:
        waiting.future.set_result(event_id)
    elif isinstance(error, JournalUnavailable):
        waiting.future.set_exception(JournalUnavailable(error.reason, ids=(event_id,)))
    else:
        waiting.future.set_exception(error)
