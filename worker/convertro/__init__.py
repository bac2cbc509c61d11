"""Convertro: what is told to it, in which calls, and what its answers mean."""

from worker.convertro.calls import (
    Call,
    DeviceEvent,
    Identifier,
    Install,
    LinkDevice,
    TrackEvent,
    TrackUser,
)
from worker.convertro.reasons import InvalidReason, SkipReason
from worker.convertro.translation import Translation, translate

__all__ = [
    "Call",
    "DeviceEvent",
    "Identifier",
    "Install",
    "InvalidReason",
    "LinkDevice",
    "SkipReason",
    "TrackEvent",
    "TrackUser",
    "Translation",
    "translate",
]
