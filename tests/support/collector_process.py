"""Runs `convertro collector` as a process, with an HTTP client that sends exact bytes."""

import base64
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.cli_process import COMMAND, ROOT
from tests.support.waiting import PATIENCE_SECONDS

KEY = "shop-web"
KEYS = {"CONVERTRO_WRITE_KEYS": f"other,{KEY}"}

BASIC = {"Authorization": f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class CollectorProcess:
    """A collector that runs until the end of the `with` block.

    Args:
        settings: `CONVERTRO_*` variables.
        arguments: Further options.
        port: 0 for any free one.
    """

    def __init__(self, settings: Mapping[str, str], *arguments: str, port: int = 0) -> None:
        self._environment = {"PATH": os.environ["PATH"], **KEYS, **settings}
        self._arguments = arguments
        self._folder = tempfile.TemporaryDirectory(prefix="collector-")
        self._log = Path(self._folder.name) / "log"
        self.port = port
        self.start()

    def start(self) -> None:
        """Start it, on the port that it had, and wait until it answers."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "collector", "--port", str(self.port), *self._arguments],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            said = stdout.readline()
        assert said.startswith("convertro collector listening on http://"), self.log
        self.port = int(said.rpartition(":")[2])
        assert self.ask("GET", "/healthz", headers={}).status == 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Its standard error so far."""
        return self._log.read_text()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = BASIC,
        **named: str,
    ) -> Answer:
        """Make a request; a body that is not bytes is sent as JSON. Headers may be named too, with
        underscores for hyphens.
        """
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in named.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, raw, {**headers, **more})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def begin(self, path: str, length: int) -> socket.socket:
        """Send a request without its body of `length` bytes, and wait until it has been read."""
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC['Authorization']}\r\n"
            f"Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        # The collector sends this only once it has read the headers.
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        return connection

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def metrics(self) -> str:
        return self.ask("GET", "/metrics", headers={}).body.decode()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill it with all its processes."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._folder.cleanup()
