"""Convertro: the calls for an event, their form, and the meaning of the answers. Pure."""

from worker.destination.calls import (
    Call,
    DeviceEvent,
    Install,
    LinkDevice,
    TrackEvent,
    TrackUser,
    Translation,
)
from worker.destination.translation import translate

__all__ = [
    "Call",
    "DeviceEvent",
    "Install",
    "LinkDevice",
    "TrackEvent",
    "TrackUser",
    "Translation",
    "translate",
]
