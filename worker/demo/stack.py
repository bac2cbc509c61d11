"""A whole deployment in one process tree: an embedded Valkey, the sandbox, a real worker.

The demo shows it to a newcomer, and the functional tests run against it. Everything
listens on this machine only and ends with the stack.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from config.settings import Settings
from worker.bootstrap import Producer, make_producer
from worker.demo.embedded import embedded_server
from worker.sandbox.client import SandboxClient
from worker.sandbox.process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]

#: What the embedded server promises: every second on disk, and never to throw events away.
VALKEY_CONFIG = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}

#: The destination that the stack's worker is configured for.
DESTINATION = {
    "CONVERTRO_CLIENT_NAME": "acme",
    "CONVERTRO_SITE_ID": "1234",
    "CONVERTRO_DOMAIN": "shop.example.com",
}

#: A worker that stops hands its events back well within this.
STOP_SECONDS = 30


class Stack:
    """Starts the parts one by one and stops them all at the end of the `with` block.

    Args:
        environment: Further `CONVERTRO_*` variables for the worker and the producer; with
            `CONVERTRO_REDIS_URL` among them they use that Redis, not the embedded one.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._extra = dict(environment or {})
        self._folder = tempfile.TemporaryDirectory(prefix="convertro-")
        self.folder = Path(self._folder.name)
        self.workers: list[subprocess.Popen[str]] = []
        self._files: list[IO[Any]] = []
        self.valkey = embedded_server(data_dir=self.folder / "valkey", config=VALKEY_CONFIG)
        self._sandbox: SandboxProcess | None = None
        self.worker_log = self.folder / "worker.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def redis_url(self) -> str:
        """Where the embedded server answers."""
        return f"redis://127.0.0.1:{self.valkey.port}/0"

    @property
    def environment(self) -> dict[str, str]:
        """The `CONVERTRO_*` variables under which everything here runs."""
        elsewhere = "CONVERTRO_REDIS_URL" in self._extra
        return {
            **({} if elsewhere else {"CONVERTRO_REDIS_URL": self.redis_url}),
            **({"CONVERTRO_BASE_URL": self._sandbox.base_url} if self._sandbox else {}),
            **DESTINATION,
            **self._extra,
        }

    @property
    def settings(self) -> Settings:
        """The same as settings."""
        names = {
            name.removeprefix("CONVERTRO_").lower(): value
            for name, value in self.environment.items()
        }
        return Settings.model_validate(names)

    def producer(self) -> Producer:
        """What enqueues and looks at this stack's journal."""
        return make_producer(self.settings)

    def start_valkey(self) -> None:
        """Start the embedded server on a free port."""
        self.valkey.start()

    def start_sandbox(self, *arguments: str) -> SandboxClient:
        """Start the sandbox on a free port and wait until it listens."""
        self._sandbox = SandboxProcess(*arguments)
        return self.sandbox

    @property
    def sandbox(self) -> SandboxClient:
        """A client of the sandbox that was started."""
        assert self._sandbox is not None  # noqa: S101  for the type checker
        return self._sandbox.client

    def start_worker(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a real `celery worker`, which logs JSON lines to `worker_log`."""
        command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker"]
        command += ["--without-mingle", "--without-gossip", *arguments]
        log = {"CONVERTRO_LOG_FORMAT": "json", "CONVERTRO_LOG_LEVEL": "DEBUG"}
        return self._start(command, self.worker_log, {**log, **environment})

    def worker_lines(self) -> Iterator[dict[str, Any]]:
        """What the workers logged so far, line by line."""
        for line in self.worker_log.read_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def stop(self) -> None:
        """Stop everything that was started, the worker first."""
        for process in reversed(self.workers):
            stop_process(process)
        if self._sandbox is not None:
            self._sandbox.stop()
        if self.valkey.is_running():
            self.valkey.stop()
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def _start(
        self, command: list[str], log: Path, environment: Mapping[str, str]
    ) -> "subprocess.Popen[str]":
        file = log.open("a")
        self._files.append(file)
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("CONVERTRO_")
        }
        process = subprocess.Popen(  # noqa: S603  our own programs with our own arguments
            command,
            cwd=ROOT,
            env={**inherited, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            text=True,
            # A group of its own: Ctrl-C reaches us alone, and we stop the parts in order.
            process_group=0,
        )
        self.workers.append(process)
        return process


def stop_process(process: "subprocess.Popen[str]") -> int:
    """Ask a process to stop, insist if it does not, and answer its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    return code
