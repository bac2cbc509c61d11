"""How the application treats its broker: it never waits long for one that is unwell."""

from typing import Any

from celery.app.amqp import AMQP
from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher
from kombu import Connection

#: Longest wait between two tries to connect again; kombu's is 30 s, and after an outage a
#: worker would sit idle for as long.
RECONNECT_SECONDS = 4.0


class SteadyConnection(Connection):
    """A connection that tries again every few seconds, however long the broker is away."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, trying again for ever unless told otherwise."""
        intervals = {"interval_start": 1.0, "interval_step": 1.0, "interval_max": RECONNECT_SECONDS}
        return super().ensure_connection(*args, **{**intervals, **options})


class SteadyBroker(AMQP):
    """Celery's queues and messages over steady connections."""

    Connection = SteadyConnection
    BrokerConnection = SteadyConnection


class PromptDispatcher(EventDispatcher):
    """Sends what Flower sees, once: the next heartbeat is two seconds away.

    Celery repeats a heartbeat until the broker takes it, and hears no signal meanwhile.
    """

    def send(self, *named: Any, **fields: Any) -> None:
        """Send an event; what cannot be sent is kept until the broker is back."""
        super().send(*named, **{**fields, "retry": False})


class PromptEvents(Events):
    """Celery's events with the prompt dispatcher."""

    dispatcher_cls = "worker.broker:PromptDispatcher"
