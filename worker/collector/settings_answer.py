"""The answer to an SDK that asks for its settings when it starts. Pure."""

from typing import Any

import msgspec

_ALLOWED = {"__default": {"enabled": True, "integrations": {}}}


def settings_answer(write_key: str) -> bytes:
    """Name one destination, Segment's own, whose address the application configures.

    There is no `apiHost` in it, because that would override the application's address.

    Args:
        write_key: A known write key.
    """
    segment = {
        "apiKey": write_key,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }
    settings: dict[str, Any] = {
        "integrations": {"Segment.io": segment},
        "plan": {"track": _ALLOWED, "identify": _ALLOWED, "group": _ALLOWED},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
    return msgspec.json.encode(settings)
