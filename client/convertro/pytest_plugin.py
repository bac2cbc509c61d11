"""A pytest plugin: its fixture is available wherever this package is installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from convertro.testing import Collected


@pytest.fixture
def convertro_events() -> Iterator["Collected"]:
    """Collect what the application enqueues during the test; see `convertro.testing.collect`."""
    from convertro.testing import collect  # noqa: PLC0415  tests without events load no Redis

    with collect() as collected:
        yield collected
