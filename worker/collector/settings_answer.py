"""What an SDK is told when it asks for its settings at start. Pure."""

from typing import Any

import msgspec

_ALLOWED = {"__default": {"enabled": True, "integrations": {}}}


def settings_answer(write_key: str) -> bytes:
    """One destination, Segment's own, to which the SDK sends where it was told in its code.

    No `apiHost` is in it: that would win over what the application configured.

    Args:
        write_key: A known one.
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
