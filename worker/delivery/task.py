"""The deliver task of a process: one run at a time, with wake-ups for events that remain."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.delivery.loop import DeliveryLoop
from worker.delivery.run import ClaimingJournal, DeliveryRun
from worker.process.flower import Announce
from worker.process.outage import Outage
from worker.process.wakeups import Wakeups


class _TaskJournal(ClaimingJournal, Protocol):
    """The part of the journal that a deliver task needs."""

    def release(self, wakeup: str, tokens: Sequence[str]) -> Sequence[str]:
        """Give a wake-up token back, and register others for due events; return these."""


class DeliverTask:
    """The body of the Celery task `convertro.deliver`, made once in each process.

    Args:
        settings: The worker's settings.
        journal: The journal from which events are claimed.
        wakeups: Publishes wake-ups.
        loop: Delivers the events.
        stopping: Whether the worker stops.
        announce: Called with each dead letter.
    """

    def __init__(  # noqa: PLR0913  every dependency is an argument
        self,
        settings: Settings,
        journal: _TaskJournal,
        wakeups: Wakeups,
        loop: DeliveryLoop,
        *,
        stopping: Callable[[], bool],
        announce: Announce,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._wakeups = wakeups
        self._loop = loop
        self._stopping = stopping
        self._announce = announce
        self._outage = Outage("journal")
        #: Held by the run that uses the loop; a second run at the same time ends at once.
        self._running = Lock()

    def run(self, wakeup: str) -> dict[str, int]:
        """Deliver due events; return a summary for Flower."""
        if not self._running.acquire(blocking=False):
            self._pass_on(wakeup)
            return {}
        try:
            return self._run(wakeup)
        finally:
            self._running.release()

    def _run(self, wakeup: str) -> dict[str, int]:
        run = DeliveryRun(
            journal=self._journal,
            loop=self._loop,
            settings=self._settings,
            wakeup=wakeup,
            stopping=self._stopping,
            outage=self._outage,
            announce=self._announce,
        )
        if run.run():
            self._pass_on(wakeup)
        return run.summary.as_dict()

    def _pass_on(self, wakeup: str) -> None:
        """Give the wake-up token back and send wake-ups for due events; else the ticker does."""
        tokens = self._wakeups.offer()
        try:
            registered = self._journal.release(wakeup, tokens)
        except JournalUnavailable as error:
            self._outage.note(error.reason)
        else:
            self._outage.end()
            self._wakeups.publish(registered)
