"""Decides whether an event comes from a website or from a mobile app. Pure.

Convertro has an interface for each. The first rule with an answer decides. An event that no rule
knows comes from a server library and is treated as a mobile one, because Convertro's mobile
interface is its server-to-server interface.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from worker.destination.fields import context, device, device_id, object_of, text_of

_MOBILE_LIBRARIES = frozenset(
    {
        "analytics-ios",
        "analytics-android",
        "analytics-swift",
        "@segment/analytics-react-native",
        "analytics-react-native",
        "analytics-flutter",
    }
)

#: A library for Android apps and for servers.
_KOTLIN_LIBRARY = "analytics-kotlin"

_MOBILE_DEVICE_TYPES = ("ios", "android")
_MOBILE_SYSTEMS = ("iOS", "iPadOS", "iPhone OS", "Android")

#: The beginning of every browser's user agent.
_BROWSER_USER_AGENT = "Mozilla/"


#: Given in place of a rule if no rule has an answer.
NO_RULE = "none"


class Platform(StrEnum):
    """The two interfaces of Convertro, by where an event comes from."""

    WEB = "web"
    MOBILE = "mobile"


def platform_of(event: Mapping[str, Any]) -> Platform:
    """Tell a website's event from an app's; everything else is treated as an app's."""
    return platform_and_rule(event)[0]


def platform_and_rule(event: Mapping[str, Any]) -> tuple[Platform, str]:
    """Tell the platform, and which fields the rule that decided looks at."""
    for looks_at, rule in _RULES:
        if answer := rule(event):
            return answer, looks_at
    return Platform.MOBILE, NO_RULE


def _by_channel(event: Mapping[str, Any]) -> Platform | None:
    for channel in _channels(event):
        if channel == "mobile":
            return Platform.MOBILE
        if channel == "browser":
            return Platform.WEB
    return None


def _by_library(event: Mapping[str, Any]) -> Platform | None:
    name = text_of(object_of(context(event).get("library")).get("name"))
    if name == "analytics.js":
        return Platform.WEB
    if name in _MOBILE_LIBRARIES or (name == _KOTLIN_LIBRARY and _has(event, "device")):
        return Platform.MOBILE
    return None


def _by_device(event: Mapping[str, Any]) -> Platform | None:
    if device_id(event) or device(event).get("type") in _MOBILE_DEVICE_TYPES:
        return Platform.MOBILE
    system = object_of(context(event).get("os")).get("name")
    if system in _MOBILE_SYSTEMS and (_has(event, "device") or _has(event, "app")):
        return Platform.MOBILE
    return None


def _by_page(event: Mapping[str, Any]) -> Platform | None:
    page = object_of(context(event).get("page"))
    user_agent = text_of(context(event).get("userAgent")) or ""
    if text_of(page.get("url")) or user_agent.startswith(_BROWSER_USER_AGENT):
        return Platform.WEB
    return None


def _by_client(event: Mapping[str, Any]) -> Platform | None:
    """Decide by the channel `client`; this is the last rule, because phones send it as well."""
    return Platform.WEB if "client" in _channels(event) else None


def _channels(event: Mapping[str, Any]) -> tuple[Any, Any]:
    return event.get("channel"), context(event).get("channel")


def _has(event: Mapping[str, Any], name: str) -> bool:
    return isinstance(context(event).get(name), Mapping)


#: The rules in their order, each with the fields that it looks at.
_RULES = (
    ("channel", _by_channel),
    ("context.library.name", _by_library),
    ("context.device, context.os", _by_device),
    ("context.page.url, context.userAgent", _by_page),
    ("channel client", _by_client),
)
