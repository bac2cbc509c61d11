"""A separate server for each test, which sends the answers that the test chooses."""

from collections.abc import Iterator

import pytest

from tests.support.raw_server import RawServer, raw_server


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server
