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

#: Why nothing is sent when the process may start no more threads, or its interpreter ends.
_NO_THREAD = "no thread can be started that sends"

#: Which events are new, of those that a call handed over.
News = Sequence[bool]


class _Waiting(NamedTuple):
    """Events of one call, which waits for them."""

    rows: Sequence[Row]
    size: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[News]"


class _Senders:
    """A process's threads that send, and what waits for them."""

    def __init__(self) -> None:
        self.process_id = getpid()
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="convertro")
        self.lock = Lock()
        self.waiting: deque[_Waiting] = deque()
        #: How many threads send, or are about to; and how many may, until nothing waits.
        self.count, self.most = 0, _THREADS


class AsyncIntake:
    """Takes events in for coroutines: those that come at the same time share round trips.

    Args:
        journal: Takes the events.
    """

    def __init__(self, journal: RowsJournal) -> None:
        self.intake = Intake(journal)
        self._senders: _Senders | None = None

    def submit(self, rows: Sequence[Row]) -> "asyncio.Future[News]":
        """Hand over events that were checked; the future ends once all or none are taken in.

        It raises `JournalUnavailable` with the ids of these events.

        Args:
            rows: At least one, and at most `CHUNK_EVENTS`.
        """
        loop = asyncio.get_running_loop()
        senders = self._senders_here()
        waiting = _Waiting(rows, sum(len(raw) for _, raw in rows), loop, loop.create_future())
        try:
            with senders.lock:
                senders.waiting.append(waiting)
                is_needed = senders.count < senders.most
                senders.count += is_needed
            if is_needed:
                senders.threads.submit(self._send, senders)
        except RuntimeError:
            if not _others_send(senders):
                self._give_up(senders)
        except BaseException:  # interrupted by a signal handler
            self._give_up(senders)
            raise
        return waiting.future

    async def run(self, function: Callable[[Iterable[object]], _T], events: Iterable[object]) -> _T:
        """Carry out a function of `intake` in a thread.

        Raises:
            JournalUnavailable: No thread can be started.
        """
        loop = asyncio.get_running_loop()
        try:
            answer = loop.run_in_executor(self._senders_here().threads, function, events)
        except RuntimeError as error:
            self._senders = None
            raise JournalUnavailable(_NO_THREAD) from error
        return await answer

    async def close(self) -> None:
        """Wait for what is being sent."""
        senders, self._senders = self._senders, None
        if senders is None or senders.process_id != getpid():
            return
        try:
            await asyncio.to_thread(senders.threads.shutdown)
        except RuntimeError:  # no thread can be started that waits
            senders.threads.shutdown()

    def _senders_here(self) -> _Senders:
        """Those of this process: a parent's threads do not live on in a forked child."""
        if self._senders is None or self._senders.process_id != getpid():
            self._senders = _Senders()
        return self._senders

    def _give_up(self, senders: _Senders) -> None:
        """Let no call wait for threads that may not be there; the next one tries with others."""
        self._senders = None
        with senders.lock:
            waiting = list(senders.waiting)
            senders.waiting.clear()
        _tell(waiting, (), JournalUnavailable(_NO_THREAD))

    def _send(self, senders: _Senders) -> None:
        """Hand over what waits, as many events as one round trip takes, until nothing waits."""
        while some := _next(senders):
            rows = [row for waiting in some for row in waiting.rows]
            news: News = ()
            error: BaseException | None = None
            try:
                news = self.intake.accept(rows, offered=min(len(rows), OFFERED_WAKEUPS))
            except BaseException as caught:  # noqa: BLE001  those who await are to hear of it
                error = caught
            _tell(some, news, error)


def _others_send(senders: _Senders) -> bool:
    """Whether other threads send what waits, now that none can be started for it."""
    with senders.lock:
        senders.count -= 1
        senders.most = 1
        return senders.count > 0


def _next(senders: _Senders) -> list[_Waiting]:
    """The calls whose events go together; none if this sender is not needed any more."""
    some: list[_Waiting] = []
    count = size = 0
    with senders.lock:
        while senders.waiting:
            count += len(senders.waiting[0].rows)
            size += senders.waiting[0].size
            if some and (count > CHUNK_EVENTS or size > CHUNK_BYTES):
                break
            some.append(senders.waiting.popleft())
        if not some:
            # One for which no thread could be started may have run all the same, on another.
            senders.count, senders.most = max(senders.count - 1, 0), _THREADS
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
