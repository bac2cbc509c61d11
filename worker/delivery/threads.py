"""The threads of a process, each of which delivers one event at a time, and their results."""

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
    """Results of threads, which a run takes in groups.

    If the run were woken for each result, that would cost nearly as much as delivering an event.
    """

    def __init__(self) -> None:
        self._results: deque[Result] = deque()
        self._enough = Event()
        self._wanted = 0.0

    def put(self, result: Result) -> None:
        """Add a result, and wake the run if it has as many as it wanted."""
        self._results.append(result)
        if len(self._results) >= self._wanted:
            self._enough.set()

    def wait(self, wanted: float, timeout_seconds: float) -> None:
        """Wait for a number of results, which may be `inf`, at most for the timeout."""
        self._wanted = wanted
        self._enough.clear()
        if len(self._results) < wanted:  # otherwise no further `put` may come that sets the event
            self._enough.wait(timeout_seconds)

    def take(self) -> Iterator[Result]:
        """Take all results."""
        while self._results:
            yield self._results.popleft()


class EventThreads:
    """The threads of a process, each of which delivers one event at a time.

    They are daemons, so that a process that has handed its events back does not wait for an
    answer that never comes.
    """

    def __init__(self, size: int) -> None:
        self._inbox: SimpleQueue[tuple[ClaimedEvent, Outbox, Deliver]] = SimpleQueue()
        for number in range(size):
            Thread(target=self._work, name=f"deliver-{number}", daemon=True).start()

    def submit(self, event: ClaimedEvent, outbox: Outbox, deliver: Deliver) -> None:
        """Call `deliver` as soon as a thread is free, and put its result in the outbox."""
        self._inbox.put((event, outbox, deliver))

    def _work(self) -> None:
        while True:
            event, outbox, deliver = self._inbox.get()
            try:
                outbox.put((event, deliver()))
            except BaseException as error:  # noqa: BLE001  without the thread its run never ends
                lose(event, outbox, error)


def lose(event: ClaimedEvent, outbox: Outbox, error: BaseException) -> None:
    """Leave an event until its lease ends, because of an unexpected error."""
    outbox.put((event, None))
    with suppress(Exception):  # a log that cannot be written must not end the thread
        # Only the error's type is logged, because its text and a traceback may quote the event.
        log.warning(
            "A deliver thread failed; its event is tried again when its lease ends.",
            action=LogAction.THREAD_FAILED,
            event_id=event.event_id,
            error=type(error).__name__,
        )
