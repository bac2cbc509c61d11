"""Convertro: what is told to it, in which calls, and what its answers mean. Pure."""

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
