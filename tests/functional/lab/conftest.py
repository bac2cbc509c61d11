"""One sandbox for all tests of a module."""

from collections.abc import Iterator

import pytest

from worker.lab.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    """A sandbox without received requests and without fault rules."""
    running.client.clear_faults()
    running.client.forget()
    return running
