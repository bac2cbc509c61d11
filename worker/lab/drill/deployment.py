"""What a drill runs and breaks: two workers, a sandbox, perhaps a Valkey."""

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

#: How long workers may take to begin, and the sandbox to listen again.
_START_SECONDS = 60.0
_CONTROL_SECONDS = 10.0

#: With nothing in flight a worker that does not stop can be killed without harm.
_STOP_SECONDS = 5.0

_STEADY = "steady"
_VICTIM = "victim"


class DrillError(RuntimeError):
    """The drill itself could not go on; the message says why."""


@dataclass(slots=True)
class Deployment:
    """Starts the parts of a drill and breaks them step by step.

    Args:
        stack: Whoever made it stops it.
        name: Names the workers.
        seed: Decides which requests a fault with a ratio answers.
        embedded: Whether a Valkey of its own is part of it.
    """

    stack: Stack
    name: str
    seed: int
    embedded: bool
    #: How often each thing was done.
    done: Counter[Action] = field(default_factory=Counter)
    #: How often a worker ended that nobody had killed.
    exits: int = 0
    _workers: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)

    def start(self, stopped: Callable[[], bool]) -> None:
        """Start everything; returns early if the drill is to end.

        Raises:
            JournalUnavailable: Redis does not answer.
            DrillError: The workers do not begin.
        """
        if self.embedded:
            # A kill must not be able to take what a slow disk still holds back.
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
        """What runs, for people and for whoever measures it."""
        parts = [f"{worker} worker {process.pid}" for worker, process in self._workers.items()]
        if self.embedded:
            parts.append(f"Valkey on port {self.stack.valkey.port}")
        return f"{', '.join(parts)}\nthe sandbox's record is {self.record}"

    @property
    def record(self) -> Path:
        """Where the sandbox writes down what it accepts."""
        return self.stack.folder / "accepted.jsonl"

    @property
    def alive(self) -> int:
        """How many workers run."""
        return sum(process.poll() is None for process in self._workers.values())

    def carry_out(self, step: Step) -> None:
        """Do one step of the plan.

        Raises:
            DrillError: The sandbox does not take a fault.
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
            # It may have only just begun to listen again.
            self.stack.sandbox.wait_until_ready(_CONTROL_SECONDS)
            self.stack.sandbox.clear_faults()
            self.stack.sandbox.add_fault(rule)
        except (TimeoutError, requests.RequestException) as error:
            raise DrillError(f"the sandbox takes no fault: {error}") from error

    def revive(self) -> Iterable[str]:
        """Start each worker again that ended by itself, as a supervisor would; yields its end."""
        for worker, process in list(self._workers.items()):
            if process.poll() is not None:
                self.exits += 1
                self._start_worker(worker)
                yield (
                    f"the {worker} worker ended by itself, exit code {process.returncode}; "
                    f"it is started again"
                )

    def stop_workers(self, *, is_empty: bool) -> None:
        """Stop the workers, without patience if nothing is in flight."""
        if is_empty:
            self.stack.stop_workers(_STOP_SECONDS)
        else:
            self.stack.stop_workers()
        self._workers.clear()

    def keep_evidence(self) -> Path:
        """Copy the record and the workers' log to where they outlive the drill."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        for file in (self.record, self.stack.worker_log):
            if file.exists():
                shutil.copy(file, folder)
        return folder
