"""The load: a steady stream of realistic events through the real `enqueue`.

An event is made from its number alone, so the drill need not keep what it sent. It remembers only
the time at which `enqueue` returned for each number.
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

#: Whether the buyer has bought before; some orders do not tell.
_REPEAT: tuple[dict[str, bool], ...] = ({"repeat": True}, {"repeat": False}, {})

#: The wait before a refused event is enqueued again, in seconds.
_RETRY_SECONDS = 0.2

#: The name of a track that no setting maps.
UNMAPPED = "Drill Event Without A Mapping"


@dataclass(frozen=True, slots=True)
class EventSource:
    """Makes the events of a drill, each from its number.

    Each event has its own user, device and order; the body of each of its calls holds at least one
    of these.
    """

    #: The beginning of each id.
    name: str
    seed: int
    #: The time of event 0, in unix seconds.
    started_at: float
    #: In events a second.
    rate: float
    #: The name of a track that the settings map.
    mapped: str

    def event_id(self, number: int) -> str:
        """The `messageId` of an event."""
        return f"{self.name}-{number}"

    def event(self, number: int) -> dict[str, Any]:
        """The event of a number."""
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
        """The fields that make an event one of its kind."""
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
    """An application that enqueues at a steady rate until `end` is called.

    An event that Redis refuses is enqueued again until Redis takes it, as an application should do.
    Events that were due meanwhile are then made up for.

    Args:
        enqueue: The real `enqueue`.
        source: Makes the events.
    """

    def __init__(self, enqueue: Callable[[Any], str], source: EventSource) -> None:
        super().__init__(name="load", daemon=True)
        self._enqueue = enqueue
        self.source = source
        self._end = Event()
        #: When `enqueue` returned for each event, by number, in unix seconds.
        self.acknowledged = array("d")
        #: How often `enqueue` was refused and called again.
        self.retries = 0
        #: The error that ended the load early, if one did.
        self.failure: Exception | None = None

    def run(self) -> None:
        """Enqueue event by event."""
        begun = time.monotonic()
        try:
            while not self._end.wait(0.2 / self.source.rate):
                wanted = (time.monotonic() - begun) * self.source.rate
                while len(self.acknowledged) < wanted and not self._end.is_set():
                    self._take(self.source.event(len(self.acknowledged)))
        except Exception as error:  # noqa: BLE001  the main thread reports it
            self.failure = error

    def _take(self, event: dict[str, Any]) -> None:
        """Enqueue one event, however long it takes, unless the load is to end."""
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
        """Stop enqueuing, after the event that is being enqueued now."""
        self._end.set()
        if self.is_alive():
            self.join()
