"""Translates raw Segment events into calls to Convertro. Pure.

`docs/mapping.md` describes the rules.
"""

from collections.abc import Mapping
from typing import Any

from config.destination import ConvertroSettings
from convertro.segment_event import fault_of
from worker.destination import mobile, web
from worker.destination.calls import Translation
from worker.destination.fields import context, has_identity, object_of, text_of, timestamp_of
from worker.destination.platforms import Platform, platform_of
from worker.reasons import DeathReason, SkipReason

#: The destination's name in an event's `integrations`.
_INTEGRATION = "Convertro"

#: The types of events that can become calls.
_TYPES = ("identify", "track")


def translate(
    event: Mapping[str, Any], settings: ConvertroSettings, *, accepted_at: str | None = None
) -> Translation:
    """Translate an event into calls, a skip or a reason for a dead letter; never raise.

    The first rule that applies decides.

    Args:
        event: A raw Segment event, any JSON; it is not changed.
        settings: The destination's settings.
        accepted_at: ISO 8601; the time of calls whose event has no usable time. If it is None,
            these calls have no time.
    """
    if fault_of(event):
        return Translation(invalid=DeathReason.INVALID_EVENT)
    if skipped := _skipped(event, settings):
        return Translation(skipped=skipped)
    if not has_identity(event):
        return Translation(invalid=DeathReason.NO_IDENTITY)
    if event["type"] == "identify":
        return _identify(event, settings)
    return _track(event, settings, timestamp_of(event, accepted_at))


def _skipped(event: Mapping[str, Any], settings: ConvertroSettings) -> SkipReason | None:
    """Find the rule by which an event is skipped whatever its content; None if none applies."""
    if switched_off_by(event):
        return SkipReason.DISABLED
    if settings.consent_categories and refused_categories(event, settings):
        return SkipReason.NO_CONSENT
    return None if event["type"] in _TYPES else SkipReason.UNSUPPORTED_TYPE


def _identify(event: Mapping[str, Any], settings: ConvertroSettings) -> Translation:
    if platform_of(event) is Platform.WEB:
        return web.identify(event, settings)
    return mobile.identify(event, settings)


def _track(
    event: Mapping[str, Any], settings: ConvertroSettings, timestamp: str | None
) -> Translation:
    name = text_of(event.get("event"))
    if name is None:
        return Translation(invalid=DeathReason.INVALID_EVENT)
    if platform_of(event) is Platform.WEB:
        return web.track(event, name, settings, timestamp)
    return mobile.track(event, name, settings, timestamp)


def switched_off_by(event: Mapping[str, Any]) -> str | None:
    """Find the integration that switches Convertro off: its own, else `All`; None if it is on."""
    integrations = object_of(event.get("integrations"))
    own = integrations.get(_INTEGRATION)
    if own is not None:
        return _INTEGRATION if own is False else None
    for name, value in integrations.items():
        if value is False and name.lower() == "all":
            return name
    return None


def refused_categories(event: Mapping[str, Any], settings: ConvertroSettings) -> list[str]:
    """List the required categories that are not true in the event's preferences, if it has any."""
    preferences = object_of(context(event).get("consent")).get("categoryPreferences")
    if not isinstance(preferences, Mapping):
        return []
    return [name for name in settings.consent_categories if preferences.get(name) is not True]
