"""Wake-ups: Celery messages that say "there is work", and nothing else.

Losing one, or receiving it twice, is harmless: the journal knows what is due, and each
worker's ticker rings for what no wake-up covers. So publishing never raises.

Clients know of no broker. If it is the journal's Redis, they put a wake-up there that a worker
made for them: see `Wakeups.sample`.
"""

import json
from collections.abc import Callable, Sequence
from secrets import token_hex
from time import monotonic
from typing import Any

import structlog
from celery import Celery
from kombu import Queue

from convertro.intake_journal import WAKEUP_TOKEN, fresh_tokens
from worker.log_actions import LogAction
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

    @property
    def queue(self) -> str:
        """The queue of wake-ups, which is the name of its list in Redis too."""
        return str(self._app.conf.task_default_queue)

    def offer(self, number: int = 1) -> list[str]:
        """Fresh tokens; none while the broker fails, so that the ticker rings instead."""
        if self._now() < self._muted_until:
            return []
        return fresh_tokens(number)

    def publish(self, tokens: Sequence[str]) -> None:
        """Send a wake-up for each token; an outage is logged once and made good by the ticker."""
        for token in tokens:
            try:
                self._app.send_task(DELIVER, task_id=token, ignore_result=True)
            except Exception as error:  # noqa: BLE001  any broker, any error: all harmless
                self._muted_until = self._now() + MUTED_SECONDS
                if not self._failing:
                    log.warning(
                        "A wake-up could not be published; tickers ring until the broker is back.",
                        action=LogAction.WAKEUP_NOT_PUBLISHED,
                        error=type(error).__name__,
                    )
                self._failing = True
                return
            self._failing = False

    def sample(self, take: Callable[[str], bytes | None]) -> bytes | None:
        """What clients of the journal are to put into the queue's list to wake a worker.

        A wake-up is published to a queue of its own, and looked for in the journal's Redis: URLs
        would not tell whether that is the broker.

        Args:
            take: Takes the oldest entry out of a list in the journal's Redis, if there is one.

        Returns:
            The wake-up, with `WAKEUP_TOKEN` in place of its token; None if the broker is elsewhere
            or does not work.
        """
        name = f"{self.queue}.sample-{token_hex(8)}"
        token = WAKEUP_TOKEN.decode()
        queue: Any = Queue(name, routing_key=name)
        try:
            with self._app.connection_for_write() as connection:
                if connection.transport.driver_type != "redis":
                    return None
                self._app.send_task(
                    DELIVER,
                    task_id=token,
                    ignore_result=True,
                    connection=connection,
                    queue=queue,
                )
                entry = take(name)
                queue(connection.default_channel).purge()
        except Exception as error:  # noqa: BLE001  the same
            log.warning(
                "Clients cannot be told how to wake workers; tickers ring instead.",
                action=LogAction.WAKEUP_NOT_SAMPLED,
                error=type(error).__name__,
            )
            return None
        return _of_queue(entry, name, self.queue) if entry else None


def _of_queue(entry: bytes, name: str, queue: str) -> bytes:
    """The entry as it would be in another queue, for any token."""
    message = json.loads(entry)
    message["properties"]["delivery_tag"] = WAKEUP_TOKEN.decode()
    return json.dumps(message, separators=(",", ":")).replace(name, queue).encode()
