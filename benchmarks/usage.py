"""Measures the CPU seconds and memory of processes with all their descendants.

    with Watch({"worker": [worker.pid], "valkey": [valkey_pid]}) as watch:
        …
    watch.used["worker"].cpu_seconds

CPU is the user and system time of running processes, and of those that ended and were waited for.
Memory is PSS, so that memory shared by forked processes counts once.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple, Self

from worker.lab.demo.stack import Stack

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

#: How often memory is sampled, in seconds: not often, because reading PSS walks a process's pages.
SAMPLE_SECONDS = 0.5


class Used(NamedTuple):
    """What processes used during a watch."""

    cpu_seconds: float
    #: The most memory in any sample.
    peak_mib: float


class Watch:
    """Samples processes in a thread; `used` is set after the `with` block.

    Args:
        roots: The ids of processes by name; their descendants are included.
        sample_seconds: The wait between two samples of memory, in seconds.
    """

    def __init__(
        self, roots: Mapping[str, Sequence[int]], sample_seconds: float = SAMPLE_SECONDS
    ) -> None:
        self._roots = {name: list(pids) for name, pids in roots.items()}
        self._sample_seconds = sample_seconds
        self._end = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._peaks = dict.fromkeys(roots, 0.0)
        self.used: dict[str, Used] = {}

    def __enter__(self) -> Self:
        self._before = self._cpu()
        self._latest = dict(self._before)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._note_cpu()
        self._end.set()
        self._thread.join()
        self.used = {
            name: Used(round(self._latest[name] - self._before[name], 3), self._peaks[name])
            for name in self._roots
        }

    def _run(self) -> None:
        while True:
            for name, pids in self._roots.items():
                mib = round(sum(map(tree_pss_bytes, pids)) / 2**20, 1)
                self._peaks[name] = max(self._peaks[name], mib)
            if self._end.wait(self._sample_seconds):
                return
            self._note_cpu()

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(tree_cpu_seconds, pids)) for name, pids in self._roots.items()}

    def _note_cpu(self) -> None:
        # A process that has ended has no CPU time any more; its last sample counts.
        for name, seconds in self._cpu().items():
            self._latest[name] = max(self._latest[name], seconds)


def tree(pid: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            listed = children.read_text().split()
        except OSError:  # the thread has ended meanwhile
            continue
        for child in listed:
            yield from tree(int(child))


def tree_cpu_seconds(pid: int) -> float:
    """The CPU that a process and its descendants have used so far; 0 if it has ended."""
    return sum(map(_cpu_seconds, tree(pid)))


def tree_pss_bytes(pid: int) -> int:
    """The present memory of a process and its descendants; shared memory is counted once."""
    return sum(map(_pss_bytes, tree(pid)))


def valkey_pid(stack: Stack) -> int:
    """The process of a stack's embedded server."""
    pid: int = stack.valkey._process.pid  # noqa: SLF001  there is no public way
    return pid


def _cpu_seconds(pid: int) -> float:
    """The CPU of one process, and of its children that ended and were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / CLOCK_TICKS


def _pss_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # ended, or ending
        pass
    return 0
