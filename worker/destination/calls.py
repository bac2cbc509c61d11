"""The calls that an event can lead to, and the result of a translation. Pure.

A call's fields are named as in its body; a field that is None is left out of the body, never sent
as null.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.reasons import DeathReason, Note, SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackUser:
    """Tells Convertro who a visitor is; from a web identify."""

    #: The site's domain, from the settings.
    domain: str
    #: Segment's anonymousId.
    visitor_id: str | None = None
    user_id: str
    #: The event's traits, with `id` set to the userId.
    traits: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
    """Reports what a visitor did; from a web track."""

    domain: str
    visitor_id: str | None = None
    user_id: str | None = None
    #: `sale`, `sale.new`, `sale.repeat`, or a type of the `events` setting.
    event_type: str
    #: The order id.
    event_id: str | None = None
    #: The amount.
    event_value: float | None = None
    #: The amount's currency, if the event has one.
    currency: str | None = None
    #: ISO 8601, as the event gave it.
    timestamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDevice:
    """Tells Convertro whose device it is; from a mobile identify."""

    domain: str
    device_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """Reports what was done on a device; from a mobile track."""

    domain: str
    device_id: str
    user_id: str | None = None
    #: The event's name as it came.
    event_type: str
    #: The order id; only for an order.
    event_id: str | None = None
    #: The amount; 1 if the event has none.
    event_value: float
    #: The amount's currency, if the event has both.
    currency: str | None = None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """Reports that an app was installed; from a mobile Application Installed."""

    domain: str
    device_id: str
    user_id: str | None = None
    #: Those of `name`, `version`, `build` and `namespace` that are known.
    app: Mapping[str, Any]
    #: Those of `name` and `version` that are known.
    os: Mapping[str, Any]
    advertising_id: str | None = None
    timestamp: str | None = None


Call = TrackUser | TrackEvent | LinkDevice | DeviceEvent | Install


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The result of translating an event; exactly one of the first three fields is set."""

    #: The calls to make, in this order.
    calls: tuple[Call, ...] = ()
    #: The rule by which nothing is sent.
    skipped: SkipReason | None = None
    #: Why the event becomes a dead letter.
    invalid: DeathReason | None = None
    #: What the event's producer should correct; empty for nearly every event.
    notes: tuple[Note, ...] = ()
