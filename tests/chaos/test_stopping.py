"""Workers are asked to stop under load, in every way; no event is lost or sent twice."""

import itertools
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from celery import Celery

from tests.support.load import SETTINGS, Load
from tests.support.processes import children_of, is_alive
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Stop = Callable[[subprocess.Popen[str], Stack], None]

pytestmark = pytest.mark.environment(**{**SETTINGS, "LEASE_SECONDS": "60"})

#: A fault that keeps calls in flight whenever a worker is asked to stop.
SLOW = "slow=0.5,ratio=0.3"

#: How long a worker may take to stop, in seconds: one that takes longer counts as hung.
STOP_SECONDS = 60

TERM, INT, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT


def parent(*signals: signal.Signals) -> "Stop":
    """Send signals to the parent process, as an impatient operator would."""

    def stop(worker: "subprocess.Popen[str]", _stack: Stack) -> None:
        for number in signals:
            worker.send_signal(number)
            time.sleep(0.2)

    return stop


def everybody(*signals: signal.Signals) -> "Stop":
    """Send signals to each process of the worker, as a terminal or systemd would."""

    def stop(worker: "subprocess.Popen[str]", _stack: Stack) -> None:
        for number in signals:
            os.killpg(worker.pid, number)
            time.sleep(0.2)

    return stop


def remote_control(_worker: "subprocess.Popen[str]", stack: Stack) -> None:
    """Send the command that Flower's button for shutting down sends."""
    app = Celery(broker=stack.environment["CONVERTRO_REDIS_URL"], set_as_current=False)
    app.control.shutdown()
    app.close()


#: Every way to stop a worker, with the possible exit codes; Celery's after Ctrl-C is 1.
WAYS = {
    "SIGTERM": (parent(TERM), {0}),
    "SIGINT": (parent(INT), {1}),
    "SIGQUIT": (parent(QUIT), {0}),
    "SIGTERM twice": (parent(TERM, TERM), {0}),
    "SIGINT twice": (parent(INT, INT), {0, 1}),
    "SIGTERM to all": (everybody(TERM), {0}),
    "SIGINT twice to all": (everybody(INT, INT), {0, 1}),
    "SIGQUIT to all": (everybody(QUIT), {0}),
    "remote control": (remote_control, {0}),
}


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_a_worker_that_is_asked_to_stop_leaves_nothing_behind(
    stack: Stack, seed: int, rounds: int
) -> None:
    stack.sandbox.add_fault(SLOW)
    with Load(stack) as load:
        for way, (stop, codes) in [*WAYS.items()] * rounds:
            worker = stack.start_worker()
            load.flows()
            until(lambda: load.journal.snapshot().claimed)
            pool = children_of(worker.pid)
            begun = time.monotonic()
            stop(worker, stack)
            assert worker.wait(STOP_SECONDS) in codes, way
            print(f"{way}: stopped after {time.monotonic() - begun:.1f} s")
            assert load.journal.snapshot().claimed == 0, way
            assert not any(map(is_alive, pool)), way
        stack.start_worker()
        tally = load.settle()
    assert (tally.duplicates, tally.leases_lost) == (0, 0)


def test_a_process_of_the_pool_that_is_asked_to_end_is_replaced(stack: Stack, seed: int) -> None:
    stack.sandbox.add_fault(SLOW)
    worker = stack.start_worker()
    with Load(stack) as load:
        load.flows()
        pool = children_of(worker.pid)
        os.kill(pool[0], TERM)
        until(lambda: pool[0] not in children_of(worker.pid))
        until(lambda: len(children_of(worker.pid)) == len(pool))
        load.flows()
        assert worker.poll() is None
        tally = load.settle()
    assert (tally.duplicates, tally.leases_lost) == (0, 0)


@pytest.mark.parametrize("restarts", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_a_rolling_restart_is_not_noticed(stack: Stack, seed: int, restarts: int) -> None:
    stack.sandbox.add_fault(SLOW)
    names = itertools.count()

    def start() -> "subprocess.Popen[str]":
        return stack.start_worker("--hostname", f"worker-{next(names)}@%h")

    with Load(stack, events_per_second=200) as load:
        workers = [start(), start()]
        for _ in range(restarts):
            load.flows()
            until(lambda: len(load.journal.snapshot().workers) == 2)
            oldest = workers.pop(0)
            oldest.terminate()
            assert oldest.wait(STOP_SECONDS) == 0
            workers.append(start())
        tally = load.settle()
    assert (tally.duplicates, tally.leases_lost) == (0, 0)
    print(f"{restarts} restarts")
