"""A separate server for each module, because its tests flush the journal."""

from collections.abc import Iterator

import pytest
from redis import Redis

from worker.lab.demo.embedded import embedded_server


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with embedded_server() as server, Redis(port=server.port) as client:
        yield client
