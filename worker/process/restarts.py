"""A worker that connects to its broker and fails at once, again and again: why, and how often."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import structlog
from celery.exceptions import WorkerShutdown
from celery.platforms import EX_FAILURE
from celery.worker import state
from celery.worker.consumer import Consumer

#: A connection that was used for less failed at once.
_AT_ONCE_SECONDS = 5.0

#: After so many of them it is asked what is wrong.
_PATIENCE = 3

#: And between two of them the worker waits, so that the log stays readable.
_PAUSE_SECONDS = 15.0

log = structlog.stdlib.get_logger(__name__)


def consumer_class(refusal: Callable[[], str | None]) -> type[Consumer]:
    """The consumer of a worker, which connects again and again, but not for nothing.

    Args:
        refusal: Says what the broker does not let us do, if that is why.
    """

    class SteadyConsumer(Consumer):
        """Ends a worker that may not use its broker; slows down one that cannot."""

        connected_at = -_AT_ONCE_SECONDS
        failed_at_once = 0

        def connect(self) -> Any:
            """Connect, and remember when."""
            connection = super().connect()
            self.connected_at = monotonic()
            return connection

        def on_connection_error_after_connected(self, exc: Exception) -> None:
            """Go on, after a pause, or not at all."""
            super().on_connection_error_after_connected(exc)
            is_early = monotonic() - self.connected_at < _AT_ONCE_SECONDS
            self.failed_at_once = self.failed_at_once + 1 if is_early else 0
            if self.failed_at_once < _PATIENCE:
                return
            if sentence := refusal():
                log.error(sentence, action="broker_refuses")
                raise WorkerShutdown(EX_FAILURE)
            _pause()

    return SteadyConsumer


def _pause() -> None:
    until = monotonic() + _PAUSE_SECONDS
    while monotonic() < until and state.should_stop is None and state.should_terminate is None:
        sleep(0.5)
