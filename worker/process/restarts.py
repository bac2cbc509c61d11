"""Limits how often a worker connects again to a broker that it cannot use, and for how long."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import structlog
from celery.exceptions import WorkerShutdown
from celery.platforms import EX_FAILURE
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from worker.log_actions import LogAction
from worker.process.broker import RECONNECT_SECONDS
from worker.process.outage import Outage

#: A connection that fails within this time counts as failed at once.
_AT_ONCE_SECONDS = 5.0

#: After how many such failures in a row the worker checks what the broker refuses it.
_PATIENCE = 3

#: A worker that is not ready within this time ends, so that its supervisor starts another one.
READY_SECONDS = 60.0

_STEP_SECONDS = 0.1

log = structlog.stdlib.get_logger(__name__)


class SteadyConsumer(Consumer):
    """A consumer that connects every few seconds, and ends a worker that cannot use its broker."""

    #: Says what the broker refuses the worker, such as a right; None if it refuses nothing.
    refusal: Callable[[], str | None]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ready_by: float | None = monotonic() + READY_SECONDS
        self._connected_at = 0.0
        self._failed_at_once = 0
        self._outage = Outage("broker", alarms=True)

    def connect(self) -> Any:
        """Connect; wait first if the last connection failed at once."""
        if self._failed_at_once:
            _pause()
        connection = super().connect()
        self._connected_at = monotonic()
        return connection

    def ensure_connected(self, connection: Any) -> Any:
        """Connect, with a try every few seconds; without end if the worker was ready before."""
        connection.on_failure = self._note
        return super().ensure_connected(connection)

    def on_ready(self) -> None:
        """End the outage: from now on the worker takes wake-ups."""
        super().on_ready()
        self._ready_by = None
        self._outage.end()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Go on, or log the reason and end the worker."""
        super().on_connection_error_after_connected(exc)
        is_early = monotonic() - self._connected_at < _AT_ONCE_SECONDS
        self._failed_at_once = self._failed_at_once + 1 if is_early else 0
        if self._failed_at_once >= _PATIENCE and (sentence := self.refusal()):
            log.error(sentence, action=LogAction.BROKER_REFUSES)
            raise WorkerShutdown(EX_FAILURE)
        if is_early or self._ready_by is not None:
            self._note(exc)

    def _note(self, error: Exception) -> None:
        """Log the outage; end a worker that should have been ready by now."""
        self._outage.note(f"{type(error).__name__}: {error}")
        if self._ready_by is None or monotonic() < self._ready_by:
            return
        reason = " ".join(str(error).split()).rstrip(".")
        sentence = (
            f"the worker was not ready within {READY_SECONDS:.0f} s, because its broker cannot be "
            f"used ({type(error).__name__}: {reason}); check that it runs and takes writes, "
            "`convertro preflight` tries it from here"
        )
        log.error(sentence, action=LogAction.WORKER_NOT_READY)
        raise WorkerShutdown(EX_FAILURE)


def consumer_class(refusal: Callable[[], str | None]) -> type[SteadyConsumer]:
    """Make the consumer class of a worker.

    Args:
        refusal: Says what the broker refuses the worker, such as a right; None for nothing.
    """
    return type("WorkerConsumer", (SteadyConsumer,), {"refusal": staticmethod(refusal)})


def _pause() -> None:
    until = monotonic() + RECONNECT_SECONDS
    while monotonic() < until:
        maybe_shutdown()
        sleep(_STEP_SECONDS)
