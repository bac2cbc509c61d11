"""Announces dead letters to Flower, each as a failed task under its event's id.

Three Celery events describe such a task, so none needs to run. They contain the event's id, the
reason and the last outcome, but no content. A lost one does no harm, because the dead letter is in
the journal. So announcing never raises, and no caller waits for it.
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

#: How long to announce nothing after a failure.
MUTED_SECONDS = 30.0

#: Most burials in one message, at some 900 bytes each.
BATCH = 100

#: The Celery events of a failed task. Without the first two, Flower's page of the worker would
#: count more failed tasks than processed ones.
_LIFE = ("task-received", "task-started", "task-failed")

log = structlog.stdlib.get_logger(__name__)


Announce = Callable[[Sequence[Burial]], None]


def announce_nothing(_burials: Sequence[Burial]) -> None:
    """Announce nothing."""


class Announcer:
    """Announces burials from a thread of its own, so that no delivery waits for the broker.

    Waiting burials are sent in one message. They do not wait for long: an attempt to send ends
    within seconds, and for a while after a failed one burials are dropped.

    Args:
        app: The Celery application whose broker takes the messages.
        now: Seconds of a monotonic clock.
    """

    def __init__(self, app: Celery, *, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._now = now
        self._muted_until = 0.0
        self._inbox: SimpleQueue[tuple[str | None, Sequence[Burial]]] = SimpleQueue()
        Thread(target=self._work, name="burials", daemon=True).start()

    def __call__(self, burials: Sequence[Burial]) -> None:
        """Announce burials soon, under the name of the worker whose task calls this."""
        if burials:
            task = self._app.current_worker_task
            # Without the worker's name Flower would list this process as another worker.
            self._inbox.put((task.request.hostname if task else None, burials))

    def _work(self) -> None:
        while True:
            worker, waiting = self._inbox.get()
            burials = [*waiting]
            while len(burials) < BATCH and not self._inbox.empty():
                burials += self._inbox.get()[1]
            self.tell(worker, burials)

    def tell(self, worker: str | None, burials: Sequence[Burial]) -> None:
        """Announce burials now; after a failure log it, and announce none for `MUTED_SECONDS`.

        Args:
            worker: The name of the worker that buried the events.
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
    """Make the fields that Flower shows; it searches the result, but not the exception."""
    return {
        "uuid": burial.event_id,
        "name": DEAD_LETTER,
        "args": "()",
        "kwargs": "{}",
        "received": time(),
        "result": burial.why,
        "exception": burial.why,
    }
