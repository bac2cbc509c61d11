"""One way in the race, with its own Valkey, sink, producer process and workers."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from redis import Redis

from benchmarks.entries import Way
from benchmarks.sink import Sink
from benchmarks.usage import tree, tree_cpu_seconds, tree_pss_bytes
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import ROOT, VALKEY_CONFIG

#: The number of lines of the log that a failure quotes.
QUOTED_LINES = 6


class Cpu(NamedTuple):
    """CPU seconds used so far."""

    workers: float
    redis: float


class ProducerEndedError(Exception):
    """The producer process has ended; its log says why."""


class Entrant:
    """A way with everything that it needs, which ends with the `with` block.

    Args:
        way: The way.
        latency_ms: How long the sink waits before each answer, in milliseconds.
        bounds: Differences from the way's own bounds, to try others.
    """

    def __init__(
        self, way: Way, latency_ms: float, bounds: Mapping[str, int] | None = None
    ) -> None:
        self.way = way
        self._latency_ms = latency_ms
        self._bounds = dict(bounds or {})
        self._workers: list[subprocess.Popen[str]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.sink = stack.enter_context(Sink(self._latency_ms))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="race-"))
            self._log = stack.enter_context((Path(folder) / "log").open("w+"))
            valkey = stack.enter_context(embedded_server(config=VALKEY_CONFIG))
            self._redis_pid: int = valkey._process.pid  # noqa: SLF001  there is no public way
            redis_url = f"redis://127.0.0.1:{valkey.port}/0"
            self._redis = stack.enter_context(Redis.from_url(redis_url))
            self._variables = self.way.variables_for(redis_url, self.sink.url, self._bounds)
            self._producer = self._start_producer()
            stack.callback(_kill, self._producer)
            stack.callback(self.kill_workers)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start_producer(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.way.program("python"), "-m", "benchmarks.producer", self.way.module],
            cwd=ROOT,
            env={**self._variables, "RACE_PRODUCER": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            process_group=0,
        )

    def produce(self, kind: str, first: int, count: int, rate: float = 0) -> dict[str, Any]:
        """Let the producer carry out an order, and return its answer.

        Raises:
            ProducerEndedError: The producer ended instead.
        """
        self._say(json.dumps({"kind": kind, "first": first, "count": count, "rate": rate}))
        self._hear()
        self._say("go")
        result: dict[str, Any] = json.loads(self._hear())
        return result

    def _say(self, line: str) -> None:
        assert self._producer.stdin is not None
        with suppress(BrokenPipeError):
            self._producer.stdin.write(line + "\n")
            self._producer.stdin.flush()

    def _hear(self) -> str:
        assert self._producer.stdout is not None
        if not (line := self._producer.stdout.readline()):
            raise ProducerEndedError(f"the producer of {self.way.name} has ended")
        return line

    def start_workers(self) -> None:
        """Start the workers without waiting for them."""
        for command in self.way.worker_commands(self._bounds):
            self._workers.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self._variables,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    text=True,
                    process_group=0,
                )
            )

    def kill_workers(self) -> None:
        """Kill the workers: what they leave in Redis is not needed."""
        while self._workers:
            _kill(self._workers.pop())

    def cpu(self) -> Cpu:
        workers = sum(tree_cpu_seconds(worker.pid) for worker in self._workers)
        return Cpu(workers, tree_cpu_seconds(self._redis_pid))

    def worker_mib(self) -> float:
        """The workers' present memory in MiB; shared memory is counted once."""
        return round(sum(tree_pss_bytes(worker.pid) for worker in self._workers) / 2**20, 1)

    def worker_processes(self) -> int:
        return sum(len(list(tree(worker.pid))) for worker in self._workers)

    def redis_bytes(self) -> int:
        used: int = self._redis.info("memory")["used_memory"]
        return used

    def last_words(self) -> str:
        """The last lines that the workers and the producer logged."""
        self._log.flush()
        lines = Path(self._log.name).read_text(errors="replace").splitlines()
        return " | ".join(lines[-QUOTED_LINES:])


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and all its descendants, even those in other groups."""
    for pid in reversed(list(tree(process.pid))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    time.sleep(0.05)  # until their sockets are closed
