"""Type hints for the fields that all Segment events share. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict

#: Segment's types of events; only `track` and `identify` lead to calls to Convertro.
EventType = Literal["track", "identify", "page", "screen", "group", "alias"]


class _Typed(TypedDict):
    type: EventType


class SegmentEvent(_Typed, total=False):
    """A raw Segment event; at runtime it may have further fields, which are kept."""

    messageId: str
    userId: str | None
    anonymousId: str | None
    #: ISO 8601 text or a datetime; a datetime without a zone is read as local time.
    timestamp: str | datetime
    originalTimestamp: str | datetime
    sentAt: str | datetime
    channel: Literal["browser", "client", "mobile", "server"]
    context: Mapping[str, Any]
    integrations: Mapping[str, Any]
    #: The name of a track.
    event: str
    #: Details of a track: `total`, `orderId`, ….
    properties: Mapping[str, Any]
    #: What an identify says about the person.
    traits: Mapping[str, Any]
    #: The name of a page or screen.
    name: str
    groupId: str
    previousId: str
