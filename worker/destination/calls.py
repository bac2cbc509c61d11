"""The calls that an event can become, and what it means if it becomes none. Pure.

A call is one request to Convertro that we intend. Its fields are named as in
its body; a field that is None is left out of the body, never sent as null.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.reasons import DeathReason, Note, SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackUser:
    """Who a visitor is, from a web identify."""

    #: The site's domain, from the settings.
    domain: str
    #: Segment's anonymousId.
    visitor_id: str | None = None
    user_id: str
    #: The event's traits, with `id` set to the userId.
    traits: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
    """Something a visitor did, from a web track."""

    domain: str
    visitor_id: str | None = None
    user_id: str | None = None
    #: `sale`, `sale.new`, `sale.repeat`, or a type of the `events` setting.
    event_type: str
    #: The order id.
    event_id: str | None = None
    #: The amount.
    event_value: float | None = None
    #: In which currency it is, if the event says so.
    currency: str | None = None
    #: ISO 8601, as the event gave it.
    timestamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDevice:
    """Whose device it is, from a mobile identify."""

    domain: str
    device_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """Something done on a device, from a mobile track."""

    domain: str
    device_id: str
    user_id: str | None = None
    #: The event's name as it came.
    event_type: str
    #: The order id, of an order.
    event_id: str | None = None
    #: The amount; 1 if the event has none.
    event_value: float
    #: In which currency the amount is, if the event has both.
    currency: str | None = None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """An app was installed, from a mobile Application Installed."""

    domain: str
    device_id: str
    user_id: str | None = None
    #: `name`, `version`, `build`, `namespace`, those that are known.
    app: Mapping[str, Any]
    #: `name`, `version`, those that are known.
    os: Mapping[str, Any]
    advertising_id: str | None = None
    timestamp: str | None = None


Call = TrackUser | TrackEvent | LinkDevice | DeviceEvent | Install


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What an event means; exactly one of the first three is the case."""

    #: The calls to make, in this order.
    calls: tuple[Call, ...] = ()
    #: By which rule nothing is sent.
    skipped: SkipReason | None = None
    #: Why an operator should look at the event.
    invalid: DeathReason | None = None
    #: What its producer should correct; empty for nearly every event.
    notes: tuple[Note, ...] = ()
