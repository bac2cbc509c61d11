"""Hands raw Segment events to the Convertro destination's journal in Redis.

    from convertro import enqueue

    enqueue({"type": "track", "event": "Signed Up", "userId": "u1"})

This is the lowest layer of the product: workers import it, and it imports nothing of the worker.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convertro.async_client import AsyncClient
    from convertro.client import Client, enqueue, enqueue_many
    from convertro.errors import (
        ConvertroError,
        InvalidEvent,
        InvalidEvents,
        JournalUnavailable,
        SettingsError,
    )
    from convertro.types import SegmentEvent

__all__ = [
    "AsyncClient",
    "Client",
    "ConvertroError",
    "InvalidEvent",
    "InvalidEvents",
    "JournalUnavailable",
    "SegmentEvent",
    "SettingsError",
    "enqueue",
    "enqueue_many",
]

# Without this handler Python prints warnings in an application that configures no logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())

#: The module of each public name; `errors` for the rest. Modules are imported at first use, so that
#: an application which uses no client does not load redis-py.
_MODULES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "enqueue": "client",
    "enqueue_many": "client",
    "SegmentEvent": "types",
}


if not TYPE_CHECKING:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
