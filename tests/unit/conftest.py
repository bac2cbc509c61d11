"""Fixtures of unit tests: libraries do not sleep in them."""

import pytest


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the waits of the Redis and broker clients; the list gets their seconds instead."""
    waited: list[float] = []
    for place in ("kombu.utils.functional.sleep", "redis.retry.sleep"):
        monkeypatch.setattr(place, waited.append)
    return waited
