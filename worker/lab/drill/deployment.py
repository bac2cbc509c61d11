"""The deployment that a drill runs and breaks: two workers, a sandbox, perhaps a Valkey."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from worker.lab.demo.stack import Stack
from worker.lab.drill.plan import Action, Step

if TYPE_CHECKING:
    import subprocess

POLL_SECONDS = 0.1

#: How long workers may take to start, and the sandbox to listen again, in seconds.
_START_SECONDS = 60.0
_CONTROL_SECONDS = 10.0

#: How long a worker may take to stop when nothing is in flight, in seconds: then it can be killed
#: without harm.
_STOP_SECONDS = 5.0

_STEADY = "steady"
_VICTIM = "victim"


class DrillError(RuntimeError):
    """The drill itself cannot go on; the message says why."""


@dataclass(slots=True)
class Deployment:
    """Starts the parts of a drill and breaks them step by step.

    Args:
        stack: The processes; the caller stops them.
        name: The drill's name, which begins the workers' names.
        seed: The seed of the sandbox's random choices.
        embedded: Whether the drill brings its own Valkey.
    """

    stack: Stack
    name: str
    seed: int
    embedded: bool
    #: How often each action was carried out.
    done: Counter[Action] = field(default_factory=Counter)
    #: How often a worker ended by itself.
    exits: int = 0
    _workers: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)

    def start(self, stopped: Callable[[], bool]) -> None:
        """Start everything; return early if the drill is to end.

        Raises:
            JournalUnavailable: Redis does not answer.
            DrillError: The workers do not start.
        """
        if self.embedded:
            # Write at once, so that a kill cannot lose what would be written a second later.
            self.stack.start_valkey(appendfsync="always")
        self.stack.start_sandbox(
            "--record", str(self.record), "--seed", str(self.seed), "--keep", "1000"
        )
        for worker in (_STEADY, _VICTIM):
            self._start_worker(worker)
        journal = self.stack.producer().journal
        deadline = time.monotonic() + _START_SECONDS
        while len(journal.snapshot().workers) < len(self._workers) and not stopped():
            if time.monotonic() > deadline:
                raise DrillError(f"the workers did not begin: see {self.keep_evidence()}")
            time.sleep(POLL_SECONDS)

    def _start_worker(self, worker: str) -> None:
        self._workers[worker] = self.stack.start_worker(
            "-n", f"{self.name}-{worker}@%h", CONVERTRO_LOG_LEVEL="INFO"
        )

    @property
    def introduction(self) -> str:
        """What runs, for people and for programs that measure it."""
        parts = [f"{worker} worker {process.pid}" for worker, process in self._workers.items()]
        if self.embedded:
            parts.append(f"Valkey on port {self.stack.valkey.port}")
        return f"{', '.join(parts)}\nthe sandbox's record is {self.record}"

    @property
    def record(self) -> Path:
        """The file in which the sandbox records accepted calls."""
        return self.stack.folder / "accepted.jsonl"

    @property
    def alive(self) -> int:
        """The number of workers that run."""
        return sum(process.poll() is None for process in self._workers.values())

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the plan.

        Raises:
            DrillError: The sandbox does not take a fault rule.
        """
        self.done[step.action] += 1
        match step.action:
            case Action.FAULT:
                self._install(step.rule)
            case Action.KILL_WORKER:
                self.stack.kill_worker(self._workers.pop(_VICTIM))
            case Action.START_WORKER:
                self._start_worker(_VICTIM)
            case Action.KILL_REDIS:
                self.stack.kill_valkey()
            case Action.START_REDIS:
                self.stack.restart_valkey()

    def _install(self, rule: str) -> None:
        """Give the sandbox a rule in place of those that are over."""
        try:
            # The sandbox may only just be about to listen again.
            self.stack.sandbox.wait_until_ready(_CONTROL_SECONDS)
            self.stack.sandbox.clear_faults()
            self.stack.sandbox.add_fault(rule)
        except (TimeoutError, requests.RequestException) as error:
            raise DrillError(f"the sandbox takes no fault: {error}") from error

    def revive(self) -> Iterable[str]:
        """Restart workers that ended by themselves, as a supervisor would; yield a line each."""
        for worker, process in list(self._workers.items()):
            if process.poll() is not None:
                self.exits += 1
                self._start_worker(worker)
                yield (
                    f"the {worker} worker ended by itself, exit code {process.returncode}; "
                    f"it is started again"
                )

    def stop_workers(self, *, is_empty: bool) -> None:
        """Stop the workers; give them little time if nothing is in flight."""
        if is_empty:
            self.stack.stop_workers(_STOP_SECONDS)
        else:
            self.stack.stop_workers()
        self._workers.clear()

    def keep_evidence(self) -> Path:
        """Copy the record and the workers' log to a folder that outlives the drill; return it."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        for file in (self.record, self.stack.worker_log):
            if file.exists():
                shutil.copy(file, folder)
        return folder
