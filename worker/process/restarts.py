"""A worker whose broker does not let it work: how often it tries, and when it gives up."""

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

#: A connection that was used for less failed at once.
_AT_ONCE_SECONDS = 5.0

#: After so many of them it is asked what is wrong.
_PATIENCE = 3

#: A worker that has not been ready within this time ends; its supervisor starts another one.
READY_SECONDS = 60.0

_STEP_SECONDS = 0.1

log = structlog.stdlib.get_logger(__name__)


class SteadyConsumer(Consumer):
    """Connects every few seconds; ends a worker that may not use its broker or never could."""

    #: Says what the broker does not let us do, if that is why.
    refusal: Callable[[], str | None]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ready_by: float | None = monotonic() + READY_SECONDS
        self._connected_at = 0.0
        self._failed_at_once = 0
        self._outage = Outage("broker", alarms=True)

    def connect(self) -> Any:
        """Connect, but not again and again to a broker that refuses what follows."""
        if self._failed_at_once:
            _pause()
        connection = super().connect()
        self._connected_at = monotonic()
        return connection

    def ensure_connected(self, connection: Any) -> Any:
        """Connect, trying every few seconds, for ever if the worker was ready before."""
        connection.on_failure = self._note
        return super().ensure_connected(connection)

    def on_ready(self) -> None:
        """Take wake-ups from now on."""
        super().on_ready()
        self._ready_by = None
        self._outage.end()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Go on, or end with the reason."""
        super().on_connection_error_after_connected(exc)
        is_early = monotonic() - self._connected_at < _AT_ONCE_SECONDS
        self._failed_at_once = self._failed_at_once + 1 if is_early else 0
        if self._failed_at_once >= _PATIENCE and (sentence := self.refusal()):
            log.error(sentence, action=LogAction.BROKER_REFUSES)
            raise WorkerShutdown(EX_FAILURE)
        if is_early or self._ready_by is not None:
            self._note(exc)

    def _note(self, error: Exception) -> None:
        """Say that the broker cannot be used; end a worker that should have been ready by now."""
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
    """The consumer of an application's workers.

    Args:
        refusal: Says what the broker does not let us do, if that is why it fails.
    """
    return type("WorkerConsumer", (SteadyConsumer,), {"refusal": staticmethod(refusal)})


def _pause() -> None:
    until = monotonic() + RECONNECT_SECONDS
    while monotonic() < until:
        maybe_shutdown()
        sleep(_STEP_SECONDS)
