"""Keeps many events in flight in a process: one thread waits for the answers to all of them.

If each thread waited for one answer, the threads would also wait for each other at every request
and answer, which takes a fifth of a worker's CPU. So the loop's thread sends the last call of each
event over an open connection, and reads ordinary answers. Other threads do what may have to wait:
opening a connection, further calls, a second try after a blip, an unusual or a late answer.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from socket import socketpair
from threading import Thread
from time import monotonic
from typing import NamedTuple

from worker.delivery.event import Delivery, Request, Steps
from worker.delivery.threads import EventThreads, Outbox, lose
from worker.journal.records import ClaimedEvent
from worker.outcomes import BLIPS, Outcome
from worker.transport.socket_exchange import Exchange
from worker.transport.transport import Transport

#: How many events are begun before answers are read again.
_EVENTS_A_TURN = 8


class _Flight(NamedTuple):
    """An event whose steps have yielded a request."""

    event: ClaimedEvent
    outbox: Outbox
    steps: Steps


class DeliveryLoop:
    """Delivers the events of a process; its thread never ends.

    Args:
        delivery: Gives the steps of each event.
        transport: The transport of `delivery`.
        threads: Do what may have to wait; as many threads as events may be in flight.
    """

    def __init__(self, delivery: Delivery, transport: Transport, threads: EventThreads) -> None:
        self._delivery = delivery
        self._transport = transport
        self._threads = threads
        self._inbox: deque[tuple[ClaimedEvent, Outbox]] = deque()
        #: Sent requests, the oldest first, whose deadline is the earliest.
        self._sent: dict[Exchange, _Flight] = {}
        self._selector = DefaultSelector()
        self._alarm, self._wire = socketpair()
        self._selector.register(self._alarm, EVENT_READ)
        Thread(target=self._work, name="deliver-loop", daemon=True).start()

    def submit(self, events: Sequence[ClaimedEvent], outbox: Outbox) -> None:
        """Deliver events and put the results in the outbox."""
        self._inbox.extend((event, outbox) for event in events)
        self._wire.send(b"\0")

    def _work(self) -> None:
        while True:
            for key, _ in self._selector.select(self._patience_seconds()):
                if isinstance(key.fileobj, Exchange):
                    # Forgotten first: once the answer is read, any thread may use the connection.
                    self._try(self._answered, self._forget(key.fileobj), key.fileobj)
                else:
                    self._alarm.recv(4096)
            for _ in range(min(len(self._inbox), _EVENTS_A_TURN)):
                event, outbox = self._inbox.popleft()
                self._try(self._begin, _Flight(event, outbox, self._delivery.steps(event)))
            self._give_up_waiting()

    def _try(self, step: Callable[..., None], flight: _Flight, *arguments: Exchange) -> None:
        try:
            step(flight, *arguments)
        except BaseException as error:  # noqa: BLE001  the other events must go on
            lose(flight.event, flight.outbox, error)

    def _patience_seconds(self) -> float | None:
        """How long to wait for an answer or a new event; None without limit."""
        if self._inbox:
            return 0.0
        for exchange in self._sent:
            return max(0.0, exchange.deadline - monotonic())
        return None

    def _begin(self, flight: _Flight) -> None:
        """Send the first request of an event, or leave that to a thread."""
        try:
            request = next(flight.steps)
        except StopIteration as end:
            flight.outbox.put((flight.event, end.value))
            return
        exchange = self._sent_without_wait(request)
        if exchange is None:
            self._leave_to_thread(flight, partial(self._delivery.send, request))
        elif not exchange.is_sent:
            self._leave_to_thread(flight, partial(self._transport.finish, exchange))
        else:
            self._selector.register(exchange, EVENT_READ)
            self._sent[exchange] = flight

    def _sent_without_wait(self, request: Request) -> Exchange | None:
        if not request.is_last:
            return None
        try:
            return self._transport.begin(request.path, request.body, request.idempotency_key)
        except Exception:  # noqa: BLE001  a thread tries again, and reports the error
            return None

    def _answered(self, flight: _Flight, exchange: Exchange) -> None:
        """Read what has come of the answer to a request; if it is not ordinary, a thread does."""
        try:
            outcome = self._transport.peek(exchange)
        except Exception:  # noqa: BLE001  as above
            outcome = None
        if outcome is None:
            self._leave_to_thread(flight, partial(self._transport.finish, exchange))
        elif outcome.outcome_class in BLIPS:
            self._leave_to_thread(flight, lambda: outcome)
        else:
            flight.outbox.put((flight.event, self._delivery.go_on(flight.steps, lambda: outcome)))

    def _give_up_waiting(self) -> None:
        """Leave requests whose answer is late to threads, which give their outcome."""
        now = monotonic()
        while self._sent and (exchange := next(iter(self._sent))).deadline <= now:
            flight = self._forget(exchange)
            self._leave_to_thread(flight, partial(self._transport.finish, exchange))

    def _forget(self, exchange: Exchange) -> _Flight:
        self._selector.unregister(exchange)
        return self._sent.pop(exchange)

    def _leave_to_thread(self, flight: _Flight, attempt: Callable[[], Outcome]) -> None:
        self._threads.submit(
            flight.event, flight.outbox, partial(self._delivery.go_on, flight.steps, attempt)
        )
