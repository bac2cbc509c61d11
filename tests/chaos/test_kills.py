"""Workers are killed while events come in; not one event is lost."""

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.load import SETTINGS, Load
from tests.support.processes import children_of, kill_child, kill_group, kill_parent
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Kill = Callable[[subprocess.Popen[str]], None]

EVENTS_PER_SECOND = 200


@pytest.mark.parametrize("kills", [3, pytest.param(34, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kill", [kill_group, kill_parent, kill_child])
@pytest.mark.environment(**SETTINGS)
def test_kills_lose_nothing(stack: Stack, seed: int, kill: "Kill", kills: int) -> None:
    chance = random.Random(seed)
    # These events are always rejected, because the first rule that applies answers. They are not
    # many in a row, because then they would be held instead of buried.
    for number in range(13, 600, 100):
        stack.sandbox.add_fault(f"status=400,match=load-{number}/")
    stack.sandbox.add_fault("slow=0.05,ratio=0.2")
    stack.sandbox.add_fault("status=503,ratio=0.01")
    with Load(stack, EVENTS_PER_SECOND) as load:
        worker = stack.start_worker()
        until(lambda: load.journal.snapshot().workers)
        for _ in range(kills):
            # A worker takes about 1.5 s to start, so most kills hit it at work.
            time.sleep(chance.uniform(1.0, 3.5))
            kill(worker)
            if worker.poll() is not None:
                worker = stack.start_worker()
        tally = load.settle()
    assert tally.dead
    print(f"{kills} kills, {kill.__name__}")


def test_a_pool_whose_parent_is_killed_as_it_forks_ends(stack: Stack) -> None:
    """The pool's processes keep each other's pipes open, so none of them reads an end of file."""
    for _ in range(5):
        worker = stack.start_worker("--concurrency", "2")
        while len(children_of(worker.pid)) < 2:  # without a pause, which would be too long
            assert worker.poll() is None
        kill_parent(worker)
