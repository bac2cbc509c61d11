"""Events of mobile apps and server libraries: Convertro's server-to-server interface. Pure.

Every call of it needs a device id.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from config.destination import ConvertroSettings
from worker.destination.calls import Call, DeviceEvent, Install, LinkDevice
from worker.destination.event_names import is_application_installed, is_order_completed
from worker.destination.fields import (
    context,
    device,
    device_id,
    is_number,
    object_of,
    text_of,
    user_id,
)
from worker.destination.properties import Properties
from worker.reasons import DeathReason, SkipReason

#: What an event counts for that names no amount.
_DEFAULT_VALUE = 1

_APP_DETAILS = ("name", "version", "build", "namespace")
_OS_DETAILS = ("name", "version")


def identify(
    event: Mapping[str, Any], settings: ConvertroSettings
) -> tuple[Call, ...] | SkipReason | DeathReason:
    """Tell Convertro whose device it is; no trait goes along.

    An anonymous identify makes no call, so it is skipped whether or not it has a device id.
    """
    user = user_id(event)
    if user is None:
        return SkipReason.ANONYMOUS_IDENTIFY
    identifier = device_id(event)
    if identifier is None:
        return DeathReason.MISSING_DEVICE_ID
    return (LinkDevice(domain=settings.domain, device_id=identifier, user_id=user),)


def track(
    event: Mapping[str, Any], name: str, settings: ConvertroSettings, timestamp: str | None
) -> tuple[Call, ...] | DeathReason:
    """Report an install, or any other event under its own name.

    Args:
        event: The event.
        name: Its name.
        settings: The domain.
        timestamp: When it happened, ISO 8601.
    """
    identifier = device_id(event)
    if identifier is None:
        return DeathReason.MISSING_DEVICE_ID
    if is_application_installed(name):
        return (_install(event, identifier, settings, timestamp),)
    call = DeviceEvent(
        domain=settings.domain,
        device_id=identifier,
        user_id=user_id(event),
        event_type=name,
        event_value=_value(event, name),
        timestamp=timestamp,
    )
    return (call,)


def _install(
    event: Mapping[str, Any], identifier: str, settings: ConvertroSettings, timestamp: str | None
) -> Install:
    return Install(
        domain=settings.domain,
        device_id=identifier,
        user_id=user_id(event),
        app=_details(context(event).get("app"), _APP_DETAILS),
        os=_details(context(event).get("os"), _OS_DETAILS),
        advertising_id=text_of(device(event).get("advertisingId")),
        timestamp=timestamp,
    )


def _value(event: Mapping[str, Any], name: str) -> float:
    properties = Properties(event)
    amount = properties.total if is_order_completed(name) else properties.revenue
    return _DEFAULT_VALUE if amount is None else amount


def _details(value: Any, names: Sequence[str]) -> dict[str, Any]:
    """Those of the names under which there is text or a number."""
    source = object_of(value)
    return {
        name: source[name]
        for name in names
        if name in source and (text_of(source[name]) or is_number(source[name]))
    }
