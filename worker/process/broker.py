"""How the application treats its broker: it never waits long for one that is unwell."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from celery.app.amqp import AMQP
from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher
from kombu import Connection

from worker.process.outage import Outage
from worker.process.wakeup_consumer import WakeupConsumer

#: Longest wait between two tries to connect again; kombu's is 30 s, and after an outage a
#: worker would sit idle for as long.
RECONNECT_SECONDS = 4.0

#: How long nothing is told to Flower after something could not be: heartbeats go on after it.
_QUIET_SECONDS = 5.0


class _SteadyConnection(Connection):
    """A connection that tries again every few seconds, however long the broker is away."""

    def ensure_connection(
        self,
        errback: Callable[[Exception, float], object] | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Connect, trying again for ever unless told otherwise; an outage is logged once."""
        intervals = {"interval_start": 1.0, "interval_step": 1.0, "interval_max": RECONNECT_SECONDS}
        outage = Outage("broker", alarms=True)

        def note(error: Exception, interval_seconds: float) -> None:
            outage.note(f"{type(error).__name__}: {error}")
            if errback is not None:
                errback(error, interval_seconds)

        connection = super().ensure_connection(note, *args, **{**intervals, **options})
        outage.end()
        return connection


class SteadyBroker(AMQP):
    """Celery's queues and messages over steady connections; its workers get wake-ups alone."""

    Consumer = WakeupConsumer
    Connection = _SteadyConnection
    BrokerConnection = _SteadyConnection


class PromptDispatcher(EventDispatcher):
    """Sends what Flower sees once, and nothing for a while after a failure.

    Celery repeats a heartbeat until the broker takes it and hears no signal meanwhile, and
    sends what it kept before it stops, each with a timeout of its own.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.buffer_while_offline = False
        self._quiet_until = 0.0

    def send(self, *args: Any, **fields: Any) -> None:
        """Send an event, or gather it with others of its kind."""
        self._once(partial(super().send, *args, **{**fields, "retry": False}))

    def flush(self, *args: Any, **options: Any) -> None:
        """Send what was gathered."""
        self._once(partial(super().flush, *args, **options))

    def _once(self, send: Callable[[], object]) -> None:
        if monotonic() < self._quiet_until:
            return
        try:
            send()
        except Exception:  # noqa: BLE001  any broker, any error: Flower misses an event
            self._quiet_until = monotonic() + _QUIET_SECONDS


class PromptEvents(Events):
    """Celery's events with the prompt dispatcher."""

    dispatcher_cls = "worker.process.broker:PromptDispatcher"
