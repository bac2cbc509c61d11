"""Taking events in from an event loop: what waits for Redis are threads, and calls share them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from os import getpid
from threading import Lock
from typing import NamedTuple, TypeVar

from convertro.errors import JournalUnavailable
from convertro.intake import CHUNK_BYTES, CHUNK_EVENTS, OFFERED_WAKEUPS, Intake, Row, RowsJournal

_T = TypeVar("_T")

#: One sends while the other gathers what comes meanwhile.
_THREADS = 2

#: Which events are new, of those that a call handed over.
News = Sequence[bool]


class _Waiting(NamedTuple):
    """Events of one call, which waits for them."""

    rows: Sequence[Row]
    size: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[News]"


class AsyncIntake:
    """Takes events in for coroutines: those that come at the same time share round trips.

    Args:
        journal: Takes the events.
    """

    def __init__(self, journal: RowsJournal) -> None:
        self.intake = Intake(journal)
        self._lock = Lock()
        self._waiting: deque[_Waiting] = deque()
        self._senders = 0
        self._threads: ThreadPoolExecutor | None = None
        self._process_id = 0

    def submit(self, rows: Sequence[Row]) -> "asyncio.Future[News]":
        """Hand over events that were checked; the future ends once all or none are taken in.

        It raises `JournalUnavailable` with the ids of these events.

        Args:
            rows: At least one, and at most `CHUNK_EVENTS`.
        """
        loop = asyncio.get_running_loop()
        threads = self._pool()
        waiting = _Waiting(rows, sum(len(raw) for _, raw in rows), loop, loop.create_future())
        with self._lock:
            self._waiting.append(waiting)
            is_needed = self._senders < _THREADS
            self._senders += is_needed
        if is_needed:
            threads.submit(self._send)
        return waiting.future

    async def run(self, function: Callable[[Iterable[object]], _T], events: Iterable[object]) -> _T:
        """Carry out a function of `intake` in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(), function, events)

    async def close(self) -> None:
        """Wait for what is being sent."""
        if self._threads is not None and self._process_id == getpid():
            await asyncio.to_thread(self._threads.shutdown)
        self._threads = None

    def _pool(self) -> ThreadPoolExecutor:
        """This process's threads: those of a parent do not live on in a forked child."""
        if self._threads is None or self._process_id != getpid():
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="convertro")
            self._process_id = getpid()
            self._lock, self._waiting, self._senders = Lock(), deque(), 0
        return self._threads

    def _send(self) -> None:
        """Hand over what waits, as many events as one round trip takes, until nothing waits."""
        while some := self._next():
            rows = [row for waiting in some for row in waiting.rows]
            news: News = ()
            error: BaseException | None = None
            try:
                news = self.intake.accept(rows, offered=min(len(rows), OFFERED_WAKEUPS))
            except BaseException as caught:  # noqa: BLE001  those who await are to hear of it
                error = caught
            _tell(some, news, error)

    def _next(self) -> list[_Waiting]:
        """The calls whose events go together; none if this sender is not needed any more."""
        some: list[_Waiting] = []
        count = size = 0
        with self._lock:
            while self._waiting:
                count += len(self._waiting[0].rows)
                size += self._waiting[0].size
                if some and (count > CHUNK_EVENTS or size > CHUNK_BYTES):
                    break
                some.append(self._waiting.popleft())
            self._senders -= not some
        return some


def _tell(some: Sequence[_Waiting], news: News, error: BaseException | None) -> None:
    """Let the calls go on, each in its own loop."""
    begin = 0
    for loop, group in groupby(some, key=lambda waiting: waiting.loop):
        told = []
        for waiting in group:
            end = begin + len(waiting.rows)
            told.append((waiting, news[begin:end]))
            begin = end
        try:
            loop.call_soon_threadsafe(_settle, told, error)
        except RuntimeError:  # its loop was closed meanwhile
            continue


def _settle(told: Iterable[tuple[_Waiting, News]], error: BaseException | None) -> None:
    for waiting, news in told:
        if waiting.future.done():  # it was cancelled
            continue
        if error is None:
            waiting.future.set_result(news)
        elif isinstance(error, JournalUnavailable):
            ids = tuple(event_id for event_id, _ in waiting.rows)
            waiting.future.set_exception(JournalUnavailable(error.reason, ids=ids))
        else:
            waiting.future.set_exception(error)
