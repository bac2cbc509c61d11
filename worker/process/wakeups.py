"""Wake-ups: Celery messages that say "there is work", and nothing else.

Losing one, or receiving it twice, is harmless: the journal knows what is due, and each
worker's ticker rings for what no wake-up covers. So publishing never raises.
"""

from collections.abc import Callable, Sequence
from secrets import token_hex
from time import monotonic

import structlog
from celery import Celery

from worker.task_names import DELIVER

#: After a failed publication the broker is left alone for so long; the ticker takes over.
MUTED_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


class Wakeups:
    """Offers tokens to the journal and publishes those that it takes.

    Args:
        app: The Celery application whose broker carries the messages, in its default queue.
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, app: Celery, *, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._now = now
        self._muted_until = 0.0
        self._failing = False

    def offer(self, number: int = 1) -> list[str]:
        """Fresh tokens; none while the broker fails, so that the ticker rings instead."""
        if self._now() < self._muted_until:
            return []
        return [token_hex(8) for _ in range(number)]

    def publish(self, tokens: Sequence[str]) -> None:
        """Send a wake-up for each token; an outage is logged once and made good by the ticker."""
        for token in tokens:
            try:
                self._app.send_task(DELIVER, args=[token], ignore_result=True)
            except Exception as error:  # noqa: BLE001  any broker, any error: all harmless
                self._muted_until = self._now() + MUTED_SECONDS
                if not self._failing:
                    log.warning(
                        "A wake-up could not be published; tickers ring until the broker is back.",
                        action="wakeup_not_published",
                        error=type(error).__name__,
                    )
                self._failing = True
                return
            self._failing = False
