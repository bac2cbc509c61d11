"""An application that enqueues without end, and the check that nothing was lost."""

import time
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self

from convertro.errors import JournalUnavailable
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

#: Short leases and waits for retries, so that leases often end while events are in flight and a
#: test need not wait long.
SETTINGS = {
    "LEASE_SECONDS": "8",
    "BLIP_SECONDS": "0.5",
    "CONNECT_TIMEOUT_SECONDS": "0.5",
    "READ_TIMEOUT_SECONDS": "2",
    "RETRY_BASE_SECONDS": "0.5",
    "RETRY_MAX_SECONDS": "2",
    "PROBE_MAX_SECONDS": "2",
}

#: The wait before a refused event is enqueued again, in seconds.
REFUSED_PAUSE_SECONDS = 0.05

#: How long an `enqueue()` may take, in seconds: one that takes longer counts as hung.
LONGEST_CALL_SECONDS = 10.0

#: Reasons for which a dead event is not lost: Convertro rejected it, or three leases in a row ran
#: out while workers held it.
NOT_LOST = frozenset({"rejected", "poison"})


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of a load; printed, it gives the figures of docs/reliability.md."""

    #: The number of events whose `enqueue()` returned.
    events: int
    delivered: int
    dead: int
    #: How often calls were accepted again, under the same key.
    duplicates: int
    leases_lost: int
    #: How often `enqueue()` raised `JournalUnavailable`.
    refused: int
    longest_call_seconds: float
    #: The number of sound events that were buried as poison, because their workers were killed.
    innocents: int

    def __str__(self) -> str:
        return (
            f"{self.events} events, {self.delivered} delivered, {self.dead} dead "
            f"({self.innocents} of them innocent, as poison), 0 lost, "
            f"{self.duplicates} sent again under the same key, {self.leases_lost} leases lost, "
            f"{self.refused} enqueues refused, "
            f"the longest enqueue took {self.longest_call_seconds:.1f} s"
        )


class Load(Thread):
    """Enqueues a steady stream of events, each repeatedly until it is accepted."""

    def __init__(self, stack: Stack, events_per_second: int = 80) -> None:
        super().__init__()
        self._stack = stack
        producer = stack.producer()
        self.journal = producer.journal
        self._intake = producer.intake
        self._pace_seconds = 1 / events_per_second
        self._end = Event()
        #: The ids of accepted events.
        self.ids: list[str] = []
        self.refused = 0
        self.longest_call_seconds = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def run(self) -> None:
        next_at = time.monotonic()
        while not self._end.wait(max(0.0, next_at - time.monotonic())):
            name = f"load-{len(self.ids)}"
            begun = time.monotonic()
            try:
                self._intake.enqueue(mobile_track(messageId=name))
                self.ids.append(name)
            except JournalUnavailable:
                self.refused += 1
                self._end.wait(REFUSED_PAUSE_SECONDS)
            took_seconds = time.monotonic() - begun
            self.longest_call_seconds = max(self.longest_call_seconds, took_seconds)
            # After an outage it makes up for at most one second's events.
            next_at = max(next_at + self._pace_seconds, time.monotonic() - 1)

    def end(self) -> None:
        self._end.set()
        self.join()

    def flows(self) -> float:
        """Wait until an event that is enqueued from now on is delivered.

        Returns:
            The seconds until the first delivery of any event.
        """
        begun = time.monotonic()
        delivered, accepted = self._stack.sandbox.summary().accepted, len(self.ids)
        until(lambda: self._stack.sandbox.summary().accepted > delivered)
        seconds = time.monotonic() - begun
        until(lambda: self._stack.sandbox.calls(key=f"load-{accepted}/DeviceEvent"))
        return seconds

    def settle(self) -> Tally:
        """End, wait until everything is delivered, and check that nothing was lost."""
        self.end()
        until(lambda: self.journal.snapshot().in_flight == 0)
        snapshot = self.journal.snapshot()
        assert snapshot.unaccounted == 0
        assert list(self.journal.inspect()) == []
        dead = {letter.event_id: letter.record.reason for letter in self.journal.dead_letters()}
        assert set(dead.values()) <= NOT_LOST
        calls = self._stack.sandbox.calls()
        # Each event makes one call, so a second key would be a sale counted twice.
        assert len({call.key for call in calls}) == len(calls)
        delivered = {call.key.removesuffix("/DeviceEvent") for call in calls}
        assert all(call.key.endswith("/DeviceEvent") for call in calls)
        lost = set(self.ids) - delivered - set(dead)
        assert not lost, {name: self.journal.look(name).place for name in sorted(lost)}
        assert delivered.isdisjoint(name for name, reason in dead.items() if reason == "rejected")
        assert self.longest_call_seconds < LONGEST_CALL_SECONDS
        tally = Tally(
            events=len(self.ids),
            delivered=len(delivered),
            dead=len(dead),
            duplicates=sum(call.times - 1 for call in calls),
            leases_lost=snapshot.counters.get("leases_lost", 0),
            refused=self.refused,
            longest_call_seconds=self.longest_call_seconds,
            innocents=sum(reason == "poison" for reason in dead.values()),
        )
        print(tally)
        return tally
