"""A server of its own for each test, which answers what the test wants."""

from collections.abc import Iterator

import pytest

from tests.support.raw_server import RawServer, raw_server


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server
