"""The fields that Segment's events have in common, for type checkers. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict

#: Types of events that Segment knows; Convertro has a use for `track` and `identify`.
EventType = Literal["track", "identify", "page", "screen", "group", "alias"]


class _Typed(TypedDict):
    type: EventType


class SegmentEvent(_Typed, total=False):
    """A raw Segment event. Others than these fields are allowed at runtime, and kept."""

    messageId: str
    userId: str | None
    anonymousId: str | None
    #: ISO 8601, or a datetime; one without a zone is taken for local time.
    timestamp: str | datetime
    originalTimestamp: str | datetime
    sentAt: str | datetime
    channel: Literal["browser", "client", "mobile", "server"]
    context: Mapping[str, Any]
    integrations: Mapping[str, Any]
    #: The name of a track.
    event: str
    #: What a track says of the event: `total`, `orderId`, ….
    properties: Mapping[str, Any]
    #: What an identify says of the person.
    traits: Mapping[str, Any]
    #: The name of a page or screen.
    name: str
    groupId: str
    previousId: str
