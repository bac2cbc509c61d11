"""Puts the events of coroutines into the journal; threads wait for Redis, not the event loop."""

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

#: Threads that send: while one waits for Redis, the other sends the events that came meanwhile.
_THREADS = 2

#: The error when the process cannot start a thread, at its limit or while the interpreter ends.
_NO_THREAD = "no thread can be started that sends"

#: For each event of a call whether it is new.
News = Sequence[bool]


class _Waiting(NamedTuple):
    """The events of one call that waits for them to be accepted."""

    rows: Sequence[Row]
    size: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[News]"


class _Senders:
    """The sending threads of one process, and the calls that wait for them."""

    def __init__(self) -> None:
        self.process_id = getpid()
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="convertro")
        self.lock = Lock()
        self.waiting: deque[_Waiting] = deque()
        #: How many threads send or are about to; and how many may do so until no call waits.
        self.count, self.most = 0, _THREADS


class AsyncIntake:
    """Puts the events of coroutines into the journal; simultaneous calls share round trips.

    Args:
        journal: The journal that accepts the events.
    """

    def __init__(self, journal: RowsJournal) -> None:
        self.intake = Intake(journal)
        self._senders: _Senders | None = None

    def submit(self, rows: Sequence[Row]) -> "asyncio.Future[News]":
        """Send checked events; the future ends when all are accepted, or none.

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
        """Call a method of `intake` in a thread.

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
        """Wait until the threads have sent the events of all calls."""
        senders, self._senders = self._senders, None
        if senders is None or senders.process_id != getpid():
            return
        try:
            await asyncio.to_thread(senders.threads.shutdown)
        except RuntimeError:  # no thread can be started, so the event loop has to wait
            senders.threads.shutdown()

    def _senders_here(self) -> _Senders:
        """Get this process's senders: a parent's threads do not exist in a forked child."""
        if self._senders is None or self._senders.process_id != getpid():
            self._senders = _Senders()
        return self._senders

    def _give_up(self, senders: _Senders) -> None:
        """Fail all waiting calls, because there may be no thread; the next call starts some."""
        self._senders = None
        with senders.lock:
            waiting = list(senders.waiting)
            senders.waiting.clear()
        _pass_result(waiting, (), JournalUnavailable(_NO_THREAD))

    def _send(self, senders: _Senders) -> None:
        """Send the waiting events, in round trips of limited size, until no call waits."""
        while some := _next(senders):
            rows = [row for waiting in some for row in waiting.rows]
            news: News = ()
            error: BaseException | None = None
            try:
                news = self.intake.accept(rows, offered=min(len(rows), OFFERED_WAKEUPS))
            except BaseException as caught:  # noqa: BLE001  raised in the calls that wait
                error = caught
            _pass_result(some, news, error)


def _others_send(senders: _Senders) -> bool:
    """Whether another thread sends the waiting events, after this call could not start one."""
    with senders.lock:
        senders.count -= 1
        senders.most = 1
        return senders.count > 0


def _next(senders: _Senders) -> list[_Waiting]:
    """Take the calls whose events fit into one round trip; none if no call waits."""
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
            # A task for which no thread could be started may have run on another thread, although
            # `_others_send` has counted it down.
            senders.count, senders.most = max(senders.count - 1, 0), _THREADS
    return some


def _pass_result(some: Sequence[_Waiting], news: News, error: BaseException | None) -> None:
    """Pass the result to the waiting calls, each in its own event loop."""
    begin = 0
    for loop, group in groupby(some, key=lambda waiting: waiting.loop):
        told = []
        for waiting in group:
            end = begin + len(waiting.rows)
            told.append((waiting, news[begin:end]))
            begin = end
        try:
            loop.call_soon_threadsafe(_settle, told, error)
        except RuntimeError:  # the event loop was closed meanwhile
            continue


def _settle(told: Iterable[tuple[_Waiting, News]], error: BaseException | None) -> None:
    for waiting, news in told:
        if waiting.future.done():  # the call was cancelled
            continue
        if error is None:
            waiting.future.set_result(news)
        elif isinstance(error, JournalUnavailable):
            ids = tuple(event_id for event_id, _ in waiting.rows)
            waiting.future.set_exception(JournalUnavailable(error.reason, ids=ids))
        else:
            waiting.future.set_exception(error)
