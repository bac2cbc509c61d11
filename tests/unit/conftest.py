"""What unit tests need: no library waits in them."""

import pytest


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the clients of Redis and of the broker would have waited; they do not."""
    waited: list[float] = []
    for place in ("kombu.utils.functional.sleep", "redis.retry.sleep"):
        monkeypatch.setattr(place, waited.append)
    return waited
