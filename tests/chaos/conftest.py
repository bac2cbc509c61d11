"""The seed of the chaos tests, which makes a random run repeatable."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """The seed of this run; set CHAOS_SEED to repeat one."""
    value = int(os.environ.get("CHAOS_SEED") or random.randrange(1_000_000))
    print(f"CHAOS_SEED={value}")
    return value
