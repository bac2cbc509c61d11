"""One sandbox for the tests of a module that only need one."""

from collections.abc import Iterator

import pytest

from worker.lab.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    """A sandbox that has received nothing and breaks nothing."""
    running.client.clear_faults()
    running.client.forget()
    return running
