"""Tells Flower of dead letters: each is a failed task under its event's id.

Three Celery events say everything, so Flower needs no task that ran. They hold the id, the
reason and what the last attempt came to, never content. Losing one is harmless: the dead
letter is in the journal. So announcing never raises and is never waited for.
"""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import monotonic, time
from typing import Any

import structlog
from celery import Celery
from celery.events.dispatcher import EventDispatcher

from worker.journal.records import Burial
from worker.log_actions import LogAction
from worker.task_names import DEAD_LETTER

#: After a failure nothing is announced for so long.
MUTED_SECONDS = 30.0

#: Burials in one message at most, some 900 bytes each.
BATCH = 100

#: What a task goes through that fails. Without the first two a worker's page would count more tasks
#: that failed than were processed.
_LIFE = ("task-received", "task-started", "task-failed")

log = structlog.stdlib.get_logger(__name__)


Announce = Callable[[Sequence[Burial]], None]


def tell_nobody(_burials: Sequence[Burial]) -> None:
    """Announce nothing."""


class Announcer:
    """Tells Flower of burials, from a thread of its own: no delivery waits for the broker.

    Burials that wait together travel together. They do not wait for long: an attempt ends
    within seconds, and after a failed one they are dropped for a while.

    Args:
        app: The Celery application whose broker carries the messages.
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, app: Celery, *, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._now = now
        self._muted_until = 0.0
        self._inbox: SimpleQueue[tuple[str | None, Sequence[Burial]]] = SimpleQueue()
        Thread(target=self._work, name="burials", daemon=True).start()

    def __call__(self, burials: Sequence[Burial]) -> None:
        """Announce burials soon, as those of the worker in whose task we are."""
        if burials:
            task = self._app.current_worker_task
            # Without a name Flower would list us as a worker of our own.
            self._inbox.put((task.request.hostname if task else None, burials))

    def _work(self) -> None:
        while True:
            worker, waiting = self._inbox.get()
            burials = [*waiting]
            while len(burials) < BATCH and not self._inbox.empty():
                burials += self._inbox.get()[1]
            self.tell(worker, burials)

    def tell(self, worker: str | None, burials: Sequence[Burial]) -> None:
        """Announce burials now; a failure is logged, and the broker then left alone for a while.

        Args:
            worker: The name of the worker that buried.
            burials: The events that became dead letters.
        """
        if self._now() < self._muted_until:
            return
        try:
            self._publish(worker, burials)
        except Exception as error:  # noqa: BLE001  any broker, any error: all harmless
            self._muted_until = self._now() + MUTED_SECONDS
            log.warning(
                "Flower could not be told of dead letters; they are in the journal.",
                action=LogAction.BURIALS_NOT_ANNOUNCED,
                error=type(error).__name__,
            )

    def _publish(self, worker: str | None, burials: Sequence[Burial]) -> None:
        timeout_seconds = self._app.conf.broker_pool_acquire_timeout
        with (
            self._app.amqp.producer_pool.acquire(block=True, timeout=timeout_seconds) as producer,
            EventDispatcher(
                app=self._app,
                connection=producer.connection,
                channel=producer.channel,  # type: ignore[arg-type]  # of any transport
                hostname=worker,
                buffer_while_offline=False,
                buffer_group=["task"],
                buffer_limit=len(_LIFE) * BATCH,
            ) as dispatcher,
        ):
            for burial in burials:
                for kind in _LIFE:
                    dispatcher.send(kind, **_fields(burial))
            dispatcher.flush(errors=False)


def _fields(burial: Burial) -> dict[str, Any]:
    """What Flower shows; it searches in the result, but not in the exception."""
    return {
        "uuid": burial.event_id,
        "name": DEAD_LETTER,
        "args": "()",
        "kwargs": "{}",
        "received": time(),
        "result": burial.why,
        "exception": burial.why,
    }
