"""Redis is cut off, killed, hung, filled and demoted under load; the worker goes on afterwards."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.support.killed_server import Server
from tests.support.load import SETTINGS, Load
from tests.support.processes import children_of, cpu_seconds
from tests.support.waiting import until
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import Stack

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.environment(**SETTINGS)

slow = pytest.mark.slow

#: An outage: it lasts as long as the block of its context manager.
Outage = AbstractContextManager[None]


def survive(
    stack: Stack, outage: Callable[[Server], Outage], *, times: int = 1, seconds: float = 1.0
) -> Load:
    """Cause an outage a number of times under load, and check that the worker survives each.

    Returns:
        The load, after everything was delivered.
    """
    server, worker = Server(stack), stack.start_worker()
    with Load(stack) as load:
        load.flows()
        pool = children_of(worker.pid)
        for _ in range(times):
            with outage(server):
                spent = spends(worker, seconds)
            assert spent < seconds / 2, "the worker spins"
            back = load.flows()
            print(f"{spent:.2f} CPU seconds in {seconds:g} s, first delivery {back:.1f} s after it")
        assert worker.poll() is None
        assert children_of(worker.pid) == pool
        load.settle()
    return load


def spends(worker: "subprocess.Popen[str]", seconds: float) -> float:
    """Wait for some seconds, and return the processor time that a worker used in them."""
    processes = [worker.pid, *children_of(worker.pid)]
    before = cpu_seconds(processes)
    time.sleep(seconds)
    return cpu_seconds(processes) - before


def test_connections_may_be_cut(stack: Stack, seed: int) -> None:
    server, worker = Server(stack), stack.start_worker()
    with Load(stack) as load:
        load.flows()
        for number in range(10):
            server.cut("pubsub" if number % 2 else "normal")
            load.flows()
        assert worker.poll() is None
        load.settle()


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=slow)])
def test_redis_may_be_killed_and_restarted(stack: Stack, seed: int, times: int) -> None:
    assert survive(stack, Server.down, times=times).refused


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=slow)])
def test_redis_may_be_down_for_longer_than_a_lease(stack: Stack, seed: int, seconds: float) -> None:
    """Calls are in flight when Redis goes down, and their leases have ended when it is back."""
    stack.sandbox.add_fault("slow=1,ratio=0.3")
    assert survive(stack, Server.down, seconds=seconds).refused


@pytest.mark.parametrize("seconds", [8, pytest.param(20, marks=slow)])
def test_redis_may_hang(stack: Stack, seed: int, seconds: float) -> None:
    assert survive(stack, Server.hung, seconds=seconds).refused


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=slow)])
def test_redis_may_be_full(stack: Stack, seed: int, times: int) -> None:
    assert survive(stack, Server.full, times=times, seconds=3.0).refused


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=slow)])
def test_redis_may_lack_its_replicas(stack: Stack, seed: int, times: int) -> None:
    assert survive(stack, Server.without_replicas, times=times, seconds=3.0).refused


def test_redis_may_be_demoted_and_promoted(stack: Stack, seed: int) -> None:
    """The replica holds everything that its master held; each takes the other's place once."""
    with embedded_server() as other:

        def demoted(server: Server) -> Outage:
            server.mirror_to(other)
            return server.replica_of(other)

        assert survive(stack, demoted, times=2, seconds=3.0).refused


def test_scripts_may_be_forgotten(stack: Stack, seed: int) -> None:
    def forgetful(server: Server) -> Outage:
        with server.client() as redis:
            for _ in range(100):
                redis.script_flush()
                time.sleep(0.01)
        return nullcontext()

    assert not survive(stack, forgetful, times=3).refused


@slow
@pytest.mark.environment(**SETTINGS, SHUTDOWN_SECONDS="1")
def test_a_worker_stops_while_redis_hangs(stack: Stack, seed: int) -> None:
    server, worker = Server(stack), stack.start_worker()
    with Load(stack) as load:
        load.flows()
        with server.hung():
            until(lambda: load.refused)
            begun = time.monotonic()
            worker.terminate()
            assert worker.wait(timeout=60) == 0
            print(f"stopped after {time.monotonic() - begun:.1f} s")
        stack.start_worker()
        load.flows()
        load.settle()
