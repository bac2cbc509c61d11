"""Explains a translation, for `convertro translate`. Pure.

It applies the rules of translation again one by one, so that translation itself need not record
what is rarely asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from config.destination import ConvertroSettings
from convertro.segment_event import id_of
from worker.destination.calls import Call, DeviceEvent, Translation
from worker.destination.event_names import is_application_installed, is_order_completed
from worker.destination.fields import (
    TIMESTAMP_FIELDS,
    device,
    device_id,
    device_id_of,
    has_identity,
    is_iso_8601,
)
from worker.destination.mobile import advertising_id, amount_keys
from worker.destination.platforms import Platform, platform_and_rule
from worker.destination.properties import LIKELY_ORDER_ID, ORDER_ID, TOTAL, Properties, folded
from worker.destination.translation import refused_categories, switched_off_by, translate
from worker.destination.wire import body_of
from worker.reasons import DeathReason, Note, SkipReason

#: Sources of a call's field that are no fields of the event.
DEFAULT = "default"
ACCEPTANCE = "acceptance"
DIGEST = "digest"
RANDOM = "random"
EVENTS_SETTING = "CONVERTRO_EVENTS"


class Because(StrEnum):
    """Why a field of an event was ignored, or is missing."""

    SWITCHED_OFF = "switched_off"
    NO_CONSENT = "no_consent"
    UNUSABLE_ID = "unusable_id"
    LIKELY_ORDER_ID = "likely_order_id"
    UNREADABLE_AMOUNT = "unreadable_amount"
    MISSING_CURRENCY = "missing_currency"
    NO_CURRENCY_CODE = "no_currency_code"
    NOT_ISO_8601 = "not_iso_8601"
    AD_TRACKING_OFF = "ad_tracking_off"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field of an event that has no effect on its calls."""

    #: Its path, in the event's spelling.
    field: str
    because: Because


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The explanation of a translation."""

    #: Web or mobile; None if it was not needed.
    platform: Platform | None
    #: The fields that the rule for the platform looks at.
    rule: str | None
    #: The event's field from which each field of the calls comes.
    sources: Mapping[str, str]
    ignored: tuple[Ignored, ...]


#: The sources of those fields of calls that have only one.
_SOURCES = {
    "user_id": "userId",
    "visitor_id": "anonymousId",
    "device_id": "context.device.id",
    "advertising_id": "context.device.advertisingId",
    "traits": "traits",
    "app": "context.app",
    "os": "context.os",
}

#: With these results a track's times and properties do not matter.
_BEFORE_TRACK = frozenset({DeathReason.INVALID_EVENT, DeathReason.MISSING_DEVICE_ID})

#: With these skips translation does not determine the platform; nor without an identity.
_BEFORE_PLATFORM = frozenset(
    {SkipReason.DISABLED, SkipReason.NO_CONSENT, SkipReason.UNSUPPORTED_TYPE}
)


def why(event: Mapping[str, Any], settings: ConvertroSettings, event_id: str) -> Why:
    """Explain an event's translation.

    Args:
        event: An event that can be accepted.
        settings: The settings of the translation.
        event_id: The event's id.
    """
    translation = translate(event, settings, accepted_at=ACCEPTANCE)
    is_early = translation.skipped in _BEFORE_PLATFORM or not has_identity(event)
    platform, rule = (None, None) if is_early else platform_and_rule(event)
    return Why(
        platform=platform,
        rule=rule,
        sources={
            "message_id": _id_source(event, event_id),
            **{
                field: source
                for call in translation.calls
                for field in body_of(call)
                if (source := _source(field, event, call))
            },
        },
        ignored=tuple(_ignored(event, settings, translation, platform)),
    )


def _id_source(event: Mapping[str, Any], event_id: str) -> str:
    if id_of(event.get("messageId")) == event_id:
        return "messageId"
    return DIGEST if event_id.startswith(f"{DIGEST}-") else RANDOM


def _source(field: str, event: Mapping[str, Any], call: Call) -> str | None:
    """Find where a field of a call comes from; None if it comes from the settings."""
    properties = Properties(event)
    if field == "event_id":
        return _path(event, next(key for key in ORDER_ID if properties.order_id((key,))))
    if field == "event_value":
        keys = amount_keys(event["event"]) if isinstance(call, DeviceEvent) else TOTAL
        found = properties.amount(keys).key
        return _path(event, found) if found else DEFAULT
    if field == "currency":
        return _path(event, "currency")
    if field == "event_type":
        return _type_source(event, call)
    if field == "timestamp":
        return next((name for name in TIMESTAMP_FIELDS if is_iso_8601(event.get(name))), ACCEPTANCE)
    return _SOURCES.get(field)


def _type_source(event: Mapping[str, Any], call: Call) -> str:
    if isinstance(call, DeviceEvent):
        return "event"
    if not is_order_completed(event["event"]):
        return EVENTS_SETTING
    return "event" if Properties(event).repeat is None else f"event, {_path(event, 'repeat')}"


def _path(event: Mapping[str, Any], key: str) -> str:
    """Give the path of a property, in the event's spelling."""
    spelling: str = next(name for name in event["properties"] if folded(name) == key)
    return f"properties.{spelling}"


def _ignored(
    event: Mapping[str, Any],
    settings: ConvertroSettings,
    translation: Translation,
    platform: Platform | None,
) -> Iterator[Ignored]:
    """List the fields that have no effect, among those that translation looked at."""
    if translation.skipped is SkipReason.DISABLED:
        yield Ignored(f"integrations.{switched_off_by(event)}", Because.SWITCHED_OFF)
    if translation.skipped is SkipReason.NO_CONSENT:
        for name in refused_categories(event, settings):
            yield Ignored(f"context.consent.categoryPreferences.{name}", Because.NO_CONSENT)
    yield from _unusable_ids(event)
    if platform is None or event["type"] != "track" or translation.invalid in _BEFORE_TRACK:
        return
    yield from _odd_times(event)
    if platform is Platform.MOBILE and is_application_installed(event["event"]):
        yield from _unusable_advertising_id(event)
    else:
        yield from _ignored_properties(event, translation, platform)


def _unusable_ids(event: Mapping[str, Any]) -> Iterator[Ignored]:
    for field in ("messageId", "userId", "anonymousId"):
        if event.get(field) is not None and id_of(event[field]) is None:
            yield Ignored(field, Because.UNUSABLE_ID)
    if device(event).get("id") is not None and device_id(event) is None:
        yield Ignored("context.device.id", Because.UNUSABLE_ID)


def _odd_times(event: Mapping[str, Any]) -> Iterator[Ignored]:
    """List unusable times before the first usable one."""
    for field in TIMESTAMP_FIELDS:
        if is_iso_8601(event.get(field)):
            return
        if event.get(field) is not None:
            yield Ignored(field, Because.NOT_ISO_8601)


def _unusable_advertising_id(event: Mapping[str, Any]) -> Iterator[Ignored]:
    value = device(event).get("advertisingId")
    if value is not None and advertising_id(event) is None:
        is_usable = device_id_of(value) is not None
        because = Because.AD_TRACKING_OFF if is_usable else Because.UNUSABLE_ID
        yield Ignored("context.device.advertisingId", because)


def _ignored_properties(
    event: Mapping[str, Any], translation: Translation, platform: Platform
) -> Iterator[Ignored]:
    properties = Properties(event)
    is_mobile = platform is Platform.MOBILE
    if not is_mobile or is_order_completed(event["event"]):
        yield from _unusable_order_ids(event, properties)
    if Note.LIKELY_ORDER_ID in translation.notes:
        for key in LIKELY_ORDER_ID:
            if properties.order_id((key,)):
                yield Ignored(_path(event, key), Because.LIKELY_ORDER_ID)
    if translation.skipped:
        return
    amount = properties.amount(amount_keys(event["event"]) if is_mobile else TOTAL)
    for key in amount.unreadable:
        yield Ignored(_path(event, key), Because.UNREADABLE_AMOUNT)
    if amount.value is not None and properties.currency is None:
        if properties.get("currency") is None:
            yield Ignored("properties.currency", Because.MISSING_CURRENCY)
        else:
            yield Ignored(_path(event, "currency"), Because.NO_CURRENCY_CODE)


def _unusable_order_ids(event: Mapping[str, Any], properties: Properties) -> Iterator[Ignored]:
    """List unusable order ids before the first usable one."""
    for key in ORDER_ID:
        if properties.order_id((key,)):
            return
        if properties.get(key) is not None:
            yield Ignored(_path(event, key), Because.UNUSABLE_ID)
