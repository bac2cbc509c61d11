"""A process's threads, each finishing one event at a time, and how a run takes their results."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread

import structlog

from worker.journal.records import ClaimedEvent, Finish
from worker.log_actions import LogAction

log = structlog.stdlib.get_logger(__name__)

Deliver = Callable[[], Finish | None]
Result = tuple[ClaimedEvent, Finish | None]


class Outbox:
    """Where threads put results, which a run takes in groups.

    To be woken for each of them would cost it nearly as much as an event.
    """

    def __init__(self) -> None:
        self._results: deque[Result] = deque()
        self._enough = Event()
        self._wanted = 0

    def put(self, result: Result) -> None:
        """Hand a result over."""
        self._results.append(result)
        if len(self._results) >= self._wanted:
            self._enough.set()

    def wait(self, wanted: int, timeout_seconds: float) -> None:
        """Wait until so many results are there, or for so long."""
        self._wanted = wanted
        self._enough.clear()
        if len(self._results) < wanted:  # else none may follow that would say so
            self._enough.wait(timeout_seconds)

    def take(self) -> Iterator[Result]:
        """Take what is there."""
        while self._results:
            yield self._results.popleft()


class EventThreads:
    """A process's threads, each finishing one event at a time.

    They are daemons: a process that has handed its events back need not wait for an
    answer that never comes.
    """

    def __init__(self, size: int) -> None:
        self._inbox: SimpleQueue[tuple[ClaimedEvent, Outbox, Deliver]] = SimpleQueue()
        for number in range(size):
            Thread(target=self._work, name=f"deliver-{number}", daemon=True).start()

    def submit(self, event: ClaimedEvent, outbox: Outbox, deliver: Deliver) -> None:
        """Finish an event as soon as a thread is free and put the result in the outbox."""
        self._inbox.put((event, outbox, deliver))

    def _work(self) -> None:
        while True:
            event, outbox, deliver = self._inbox.get()
            try:
                outbox.put((event, deliver()))
            except BaseException as error:  # noqa: BLE001  a lost thread would stop its run for good
                lose(event, outbox, error)


def lose(event: ClaimedEvent, outbox: Outbox, error: BaseException) -> None:
    """Give an event up until its lease ends, because of an error that nobody foresaw."""
    outbox.put((event, None))
    with suppress(Exception):  # a log that cannot be written must not cost the thread
        # Its kind alone: the text and a traceback may quote the event.
        log.warning(
            "A deliver thread failed; its event is tried again when its lease ends.",
            action=LogAction.THREAD_FAILED,
            event_id=event.event_id,
            error=type(error).__name__,
        )
