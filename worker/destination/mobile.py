"""Translates events of mobile apps and server libraries. Pure.

They go to Convertro's server-to-server interface, each of whose calls needs a device id.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from config.destination import ConvertroSettings
from worker.destination.calls import DeviceEvent, Install, LinkDevice, Translation
from worker.destination.event_names import is_application_installed, is_order_completed
from worker.destination.fields import (
    context,
    device,
    device_id,
    device_id_of,
    is_number,
    object_of,
    text_of,
    user_id,
)
from worker.destination.properties import REVENUE, TOTAL, Properties
from worker.reasons import DeathReason, Note, SkipReason

#: The value of an event without an amount.
DEFAULT_VALUE = 1

_APP_DETAILS = ("name", "version", "build", "namespace")
_OS_DETAILS = ("name", "version")


def identify(event: Mapping[str, Any], settings: ConvertroSettings) -> Translation:
    """Tell Convertro whose device it is; no traits are sent.

    An anonymous identify leads to no call, so it is skipped with or without a device id.
    """
    user = user_id(event)
    if user is None:
        return Translation(skipped=SkipReason.ANONYMOUS_IDENTIFY)
    identifier = device_id(event)
    if identifier is None:
        return Translation(invalid=DeathReason.MISSING_DEVICE_ID)
    call = LinkDevice(domain=settings.domain, device_id=identifier, user_id=user)
    return Translation(calls=(call,))


def track(
    event: Mapping[str, Any], name: str, settings: ConvertroSettings, timestamp: str | None
) -> Translation:
    """Report an install, or any other event under its own name.

    Args:
        event: The event.
        name: Its name.
        settings: The domain.
        timestamp: When it happened, ISO 8601.
    """
    identifier = device_id(event)
    if identifier is None:
        return Translation(invalid=DeathReason.MISSING_DEVICE_ID)
    if is_application_installed(name):
        return Translation(calls=(_install(event, identifier, settings, timestamp),))
    properties = Properties(event)
    amount = properties.amount(amount_keys(name))
    if amount.value is None and amount.unreadable:
        return Translation(invalid=DeathReason.UNREADABLE_AMOUNT)
    call = DeviceEvent(
        domain=settings.domain,
        device_id=identifier,
        user_id=user_id(event),
        event_type=name,
        event_id=properties.order_id() if is_order_completed(name) else None,
        event_value=DEFAULT_VALUE if amount.value is None else amount.value,
        currency=None if amount.value is None else properties.currency,
        timestamp=timestamp,
    )
    notes = (Note.UNREADABLE_AMOUNT,) if amount.unreadable else ()
    return Translation(calls=(call,), notes=notes)


def amount_keys(name: str) -> tuple[str, ...]:
    """Give the keys of the amount of an event of this name."""
    return TOTAL if is_order_completed(name) else REVENUE


def _install(
    event: Mapping[str, Any], identifier: str, settings: ConvertroSettings, timestamp: str | None
) -> Install:
    return Install(
        domain=settings.domain,
        device_id=identifier,
        user_id=user_id(event),
        app=_details(context(event).get("app"), _APP_DETAILS),
        os=_details(context(event).get("os"), _OS_DETAILS),
        advertising_id=advertising_id(event),
        timestamp=timestamp,
    )


def advertising_id(event: Mapping[str, Any]) -> str | None:
    """Get the advertising id, unless the device's owner has switched ad tracking off."""
    if device(event).get("adTrackingEnabled") is False:
        return None
    return device_id_of(device(event).get("advertisingId"))


def _details(value: Any, names: Sequence[str]) -> dict[str, Any]:
    """Pick the fields of these names that are text or a number."""
    source = object_of(value)
    return {
        name: source[name]
        for name in names
        if name in source and (text_of(source[name]) or is_number(source[name]))
    }
