"""Publishes wake-ups: Celery messages that say only that there is work.

A wake-up that is lost or comes twice does no harm: the journal knows which events are due, and the
workers' tickers send a wake-up for those that have none. So publishing never raises.

Clients do not know the broker. If it is the journal's Redis, they put wake-ups there by a template
that a worker made: see `Wakeups.sample`.
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

#: How long to publish nothing after a failed publication; then the next tick publishes.
MUTED_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


class Wakeups:
    """Makes tokens for the journal, and publishes wake-ups for those that it registers.

    Args:
        app: The Celery application; wake-ups go into its default queue.
        now: Seconds of a monotonic clock.
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
        """Make new tokens; none while publishing is stopped, so that a later tick does it."""
        if self._now() < self._muted_until:
            return []
        return fresh_tokens(number)

    def publish(self, tokens: Sequence[str]) -> None:
        """Send a wake-up for each token; an outage is logged once, and the ticker sends later."""
        for token in tokens:
            try:
                self._app.send_task(DELIVER, task_id=token, ignore_result=True)
            except Exception as error:  # noqa: BLE001  any broker, any error: all harmless
                self._muted_until = self._now() + MUTED_SECONDS
                if not self._failing:
                    log.warning(
                        "A wake-up could not be published; tickers retry until the broker is back.",
                        action=LogAction.WAKEUP_NOT_PUBLISHED,
                        error=type(error).__name__,
                    )
                self._failing = True
                return
            self._failing = False

    def sample(self, take: Callable[[str], bytes | None]) -> bytes | None:
        """Make the template of the wake-up that clients put into the queue's list.

        This publishes a wake-up to a queue of its own and looks for it in the journal's Redis,
        because URLs do not tell whether that Redis is the broker.

        Args:
            take: Takes the oldest entry from a list in the journal's Redis; None without one.

        Returns:
            The wake-up, with `WAKEUP_TOKEN` in place of its token; None if the broker is not the
            journal's Redis, or does not work.
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
                if entry is None:  # a full Redis 7.0 would refuse it, as a transaction
                    queue(connection.default_channel).purge()
        except Exception as error:  # noqa: BLE001  as above
            log.warning(
                "Clients cannot be told how to wake workers; tickers wake them instead.",
                action=LogAction.WAKEUP_NOT_SAMPLED,
                error=type(error).__name__,
            )
            return None
        return _of_queue(entry, name, self.queue) if entry else None


def _of_queue(entry: bytes, name: str, queue: str) -> bytes:
    """Rewrite a queue's entry for another queue, with a placeholder for the token."""
    message = json.loads(entry)
    message["properties"]["delivery_tag"] = WAKEUP_TOKEN.decode()
    return json.dumps(message, separators=(",", ":")).replace(name, queue).encode()
