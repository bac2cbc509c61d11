"""Chaos is random, and can be repeated."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.chaos.processes import kill_group
from worker.lab.demo.stack import Stack


@pytest.fixture
def seed() -> int:
    """The seed of this run; set CHAOS_SEED to repeat one."""
    value = int(os.environ.get("CHAOS_SEED") or random.randrange(1_000_000))
    print(f"CHAOS_SEED={value}")
    return value


@pytest.fixture(autouse=True)
def _no_long_goodbye(stack: Stack) -> Iterator[None]:
    """Everything is checked by now, and stopping a worker gently takes seconds."""
    yield
    for worker in stack.workers:
        if worker.poll() is None:
            kill_group(worker)
