"""Celery's connections to the broker, changed so that nothing waits long while the broker fails."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from time import monotonic
from typing import Any

from celery.app.amqp import AMQP
from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher
from kombu import Connection
from kombu.transport.redis import Transport as RedisTransport
from kombu.utils.json import dumps
from redis.connection import Connection as RedisConnection
from redis.connection import SSLConnection
from redis.exceptions import OutOfMemoryError
from redis.sentinel import SentinelManagedConnection

from convertro.name_lookup import (
    RESP,
    BoundedConnection,
    BoundedMasterConnection,
    BoundedSSLConnection,
)
from worker.process.outage import Outage
from worker.process.wakeup_consumer import WakeupConsumer

#: Longest wait between two tries to connect again. With kombu's 30 s a worker could stay idle for
#: that long after an outage.
RECONNECT_SECONDS = 4.0

#: How long to send no events to Flower after one could not be sent.
_QUIET_SECONDS = 5.0

#: Classes of connections whose timeout bounds the name lookup, by the classes that kombu would use.
_BOUNDED: dict[type, type] = {
    RedisConnection: BoundedConnection,
    SSLConnection: BoundedSSLConnection,
    SentinelManagedConnection: BoundedMasterConnection,
}

#: A script that carries out one command with one argument even if Redis is full.
_ALLOWED = "#!lua flags=allow-oom\nreturn redis.call(ARGV[1], KEYS[1], ARGV[2])"


@cache
def _room_for_wakeups(transport: type[RedisTransport]) -> type[RedisTransport]:
    """Make a Redis transport that sends wake-ups even if Redis is full.

    The journal's steps for workers run even then, because they make room. A wake-up has a few
    hundred bytes, and there are no more than the workers run tasks.
    """
    kind: Any = transport.Channel

    class _Channel(kind):  # type: ignore[misc]  # kombu is not typed
        # A name server that does not answer must not keep the worker from its other work.
        connection_class = _BOUNDED.get(kind.connection_class, kind.connection_class)
        connection_class_ssl = _BOUNDED.get(kind.connection_class_ssl, kind.connection_class_ssl)

        def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
            return {**super()._connparams(asynchronous), "protocol": RESP}

        def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
            try:
                super()._queue_bind(exchange, routing_key, pattern, queue)
            except OutOfMemoryError:
                # A queue bound to a fanout exchange needs no entry.
                if self.typeof(exchange).type != "fanout":
                    member = self.sep.join((routing_key or "", pattern or "", queue or ""))
                    self._write("SADD", self.keyprefix_queue % (exchange,), member)

        def _put(self, queue: str, message: Any, **options: Any) -> None:
            try:
                super()._put(queue, message, **options)
            except OutOfMemoryError:
                key = self._q_for_pri(queue, self._get_message_priority(message, reverse=False))
                self._write("LPUSH", key, dumps(message))

        def _size(self, queue: str) -> int:
            # kombu counts in a transaction, which a full Redis 7.0 refuses.
            keys = [self._q_for_pri(queue, priority) for priority in self.priority_steps]
            with self.conn_or_acquire() as client:
                return sum(map(client.llen, keys))

        def maybe_refresh_binding_expiry(self) -> None:
            # Called each second; a binding that expires is made again when its queue is used.
            with suppress(self.ResponseError):
                super().maybe_refresh_binding_expiry()

        def _write(self, command: str, key: str, value: str) -> None:
            with self.conn_or_acquire() as client:
                client.eval(_ALLOWED, 1, key, command, value)

    return type("RoomyTransport", (transport,), {"Channel": _Channel})


class _SteadyConnection(Connection):
    """A connection that tries again every few seconds, however long the broker is unavailable."""

    #: Called with the error of each failed try, in place of logging the outage here.
    on_failure: Callable[[Exception], object] | None = None

    def get_transport_cls(self) -> Any:
        """Get the class of its transport; for Redis, the one that works while Redis is full."""
        transport: Any = super().get_transport_cls()
        is_redis = issubclass(transport, RedisTransport)
        return _room_for_wakeups(transport) if is_redis else transport

    def clone(self, **options: Any) -> Any:
        """Make another connection with the same transport."""
        return super().clone(**{"transport": self.transport_cls, **options})

    def _info(self, resolve: bool = True) -> Any:
        info = super()._info(resolve)
        # kombu's pools make connections of its own class from this, so it must name the transport.
        return info if resolve else {**dict(info), "transport": self.get_transport_cls()}

    def ensure_connection(
        self,
        errback: Callable[[Exception, float], object] | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Connect, with tries without end unless options limit them; an outage is logged once."""
        intervals = {"interval_start": 1.0, "interval_step": 1.0, "interval_max": RECONNECT_SECONDS}
        outage = Outage("broker", alarms=True)

        def note(error: Exception, interval_seconds: float) -> None:
            if self.on_failure is None:
                outage.note(f"{type(error).__name__}: {error}")
            else:
                self.on_failure(error)
            if errback is not None:
                errback(error, interval_seconds)

        connection = super().ensure_connection(note, *args, **{**intervals, **options})
        outage.end()
        return connection


class SteadyBroker(AMQP):
    """Celery's queues and messages over steady connections; workers take only wake-ups."""

    Consumer = WakeupConsumer
    Connection = _SteadyConnection
    BrokerConnection = _SteadyConnection


class PromptDispatcher(EventDispatcher):
    """Sends each of Celery's events at most once, and none for a while after a failure.

    Celery's own dispatcher repeats a heartbeat until the broker takes it, and handles no signal
    meanwhile. Before it stops, it sends all events that it kept, each with its own timeout.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.buffer_while_offline = False
        self._quiet_until = 0.0

    def send(self, *args: Any, **fields: Any) -> None:
        """Send an event, or keep it to be sent with others of its kind."""
        self._once(partial(super().send, *args, **{**fields, "retry": False}))

    def flush(self, *args: Any, **options: Any) -> None:
        """Send the events that were kept."""
        self._once(partial(super().flush, *args, **options))

    def _once(self, send: Callable[[], object]) -> None:
        if monotonic() < self._quiet_until:
            return
        try:
            send()
        except Exception:  # noqa: BLE001  any broker, any error: Flower misses an event
            self._quiet_until = monotonic() + _QUIET_SECONDS


class PromptEvents(Events):
    """Celery's events, sent by `PromptDispatcher`."""

    dispatcher_cls = "worker.process.broker:PromptDispatcher"
