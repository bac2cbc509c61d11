"""The producer: a steady stream of realistic events through the real `enqueue`.

An event is made from its number alone, so the drill need not keep what it sent: a number and
the time at which `enqueue` returned are all that it remembers.
"""

import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from threading import Event, Thread
from typing import Any

from convertro.errors import JournalUnavailable
from worker.lab.demo.samples import PHONE_CONTEXT, WEB_CONTEXT
from worker.status.wording import iso_time

#: How many of 100 events are of each kind.
KINDS = {
    "order": 20,
    "device order": 5,
    "mapped": 15,
    "identify": 15,
    "device": 20,
    "install": 10,
    "anonymous": 5,
    "unmapped": 7,
    "no device": 3,
}

#: Whether the buyer bought before; an order need not say.
_REPEAT: tuple[dict[str, bool], ...] = ({"repeat": True}, {"repeat": False}, {})

#: The pause before an event that could not be taken is tried again.
_RETRY_SECONDS = 0.2

#: Of a track that no setting maps.
UNMAPPED = "Drill Event Without A Mapping"


@dataclass(frozen=True, slots=True)
class EventSource:
    """Makes the events of a drill, each from its number.

    Every event has a user, a device and an order of its own, at least one of which is in the
    body of each of its calls.
    """

    #: Begins each id.
    name: str
    seed: int
    #: When event 0 happens; unix seconds.
    started_at: float
    #: Events a second.
    rate: float
    #: The name of a track that the settings map.
    mapped: str

    def event_id(self, number: int) -> str:
        """The `messageId` of an event."""
        return f"{self.name}-{number}"

    def event(self, number: int) -> dict[str, Any]:
        """An event."""
        chance = Random(f"{self.seed}/{number}")  # noqa: S311  repeatable, not secret
        (kind,) = chance.choices(tuple(KINDS), tuple(KINDS.values()))
        event = {
            "messageId": self.event_id(number),
            "anonymousId": f"visitor-{chance.randrange(1000)}",
            "userId": f"{self.name}-user-{number}",
            "timestamp": iso_time(int((self.started_at + number / self.rate) * 1000)),
            **self._said(kind, number, chance),
        }
        return {name: value for name, value in event.items() if value is not None}

    def _said(self, kind: str, number: int, chance: Random) -> dict[str, Any]:
        """What makes an event one of its kind."""
        amount = round(chance.uniform(1, 500), 2)
        order_id = f"{self.name}-order-{number}"
        order = {"orderId": order_id, "total": amount, "currency": "EUR", **chance.choice(_REPEAT)}
        device = {**PHONE_CONTEXT["device"], "id": f"{self.name}-device-{number}"}
        paid = chance.choice(({"revenue": amount}, {"level": number % 50}))
        said = {
            "order": _web("track", event="Order Completed", properties=order),
            "mapped": _web("track", event=self.mapped, properties={"plan": "Pro"}),
            "identify": _web("identify", traits={"plan": "Pro", "seats": number % 7}),
            "anonymous": _web("identify", traits={"plan": "Pro"}, userId=None),
            "unmapped": _web("track", event=UNMAPPED, properties={"seconds": amount}),
            "device": _phone(device, event="Plan Upgraded", properties=paid),
            "device order": _phone(device, event="Order Completed", properties=order),
            "install": _phone(device, event="Application Installed", userId=None),
            "no device": _phone({"type": "ios"}, event="Plan Upgraded", properties=paid),
        }
        return said[kind]


def _web(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "context": WEB_CONTEXT, **fields}


def _phone(device: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "track", "context": {**PHONE_CONTEXT, "device": device}, **fields}


class Load(Thread):
    """One application that enqueues at a steady rate, until it is told to end.

    What Redis does not take is tried again until it does, as an application should; what was
    missed meanwhile is made up for.

    Args:
        enqueue: The real one.
        source: Makes the events.
    """

    def __init__(self, enqueue: Callable[[Any], str], source: EventSource) -> None:
        super().__init__(name="load", daemon=True)
        self._enqueue = enqueue
        self.source = source
        self._end = Event()
        #: When `enqueue` returned for each event, by number; unix seconds.
        self.acknowledged = array("d")
        #: How often an event had to be offered again.
        self.retries = 0
        #: What ended the load before its time.
        self.failure: Exception | None = None

    def run(self) -> None:
        """Enqueue event by event."""
        begun = time.monotonic()
        try:
            while not self._end.wait(0.2 / self.source.rate):
                wanted = (time.monotonic() - begun) * self.source.rate
                while len(self.acknowledged) < wanted and not self._end.is_set():
                    self._take(self.source.event(len(self.acknowledged)))
        except Exception as error:  # noqa: BLE001  told by the main thread
            self.failure = error

    def _take(self, event: dict[str, Any]) -> None:
        """Enqueue one event, however long it takes, unless the load is to end before."""
        while True:
            try:
                self._enqueue(event)
            except JournalUnavailable:
                self.retries += 1
                if self._end.wait(_RETRY_SECONDS):
                    return
            else:
                self.acknowledged.append(time.time())
                return

    def end(self) -> None:
        """Enqueue no more; the event that is being enqueued is let finish."""
        self._end.set()
        if self.is_alive():
            self.join()
