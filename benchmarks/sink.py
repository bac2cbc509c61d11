"""The server to which everything is delivered; it is much faster than what is measured.

It is nginx with its echo module if both are installed (Debian: `apt install nginx-light
libnginx-mod-http-echo`), otherwise a small asyncio server. Either logs a line for each request; the
benchmarks count and time arrivals by this log.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.event import number_in

ROOT = Path(__file__).resolve().parents[1]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")

CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    log_format arrival '$msec $request_time $http_idempotency_key';
    access_log {folder}/arrivals.log arrival;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 64k;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /-/ok {{ return 200 '{{"status":"ok"}}'; }}
        location / {{ {answer} }}
    }}
}}
"""
AT_ONCE = """return 200 '{"status":"ok"}';"""
LATER = "echo_read_request_body; echo_sleep {seconds}; echo_exec /-/ok;"


class Arrival(NamedTuple):
    """One request that reached the sink."""

    #: When the sink had read it, in unix seconds, to a millisecond.
    at_seconds: float
    #: The number of its event.
    number: int


class EventsMissingError(Exception):
    """Events are missing at the sink, and nothing has arrived for a while."""


class Sink:
    """A running sink; it stops at the end of the `with` block.

    Args:
        latency_ms: How long it waits before each answer, in milliseconds.
    """

    def __init__(self, latency_ms: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sink-")
        self._log = Path(self._folder.name) / "arrivals.log"
        self._log.touch()
        self._offset = 0
        self._counted_to = 0
        self._count = 0
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kind = "nginx" if NGINX and ECHO_MODULE.exists() else "asyncio"
        command = self._nginx(latency_ms) if self.kind == "nginx" else self._asyncio(latency_ms)
        self.process = subprocess.Popen(command, cwd=ROOT)
        wait_for_port(self.port)

    def _nginx(self, latency_ms: float) -> list[str]:
        folder = Path(self._folder.name)
        answer = LATER.format(seconds=latency_ms / 1000) if latency_ms else AT_ONCE
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(module=ECHO_MODULE, folder=folder, port=self.port, answer=answer)
        )
        return [
            str(NGINX), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)
        ]  # fmt: skip

    def _asyncio(self, latency_ms: float) -> list[str]:
        arguments = [str(self.port), str(latency_ms), str(self._log)]
        return [sys.executable, "-m", "benchmarks.sink_server", *arguments]

    def count(self) -> int:
        """The number of requests answered since the last `forget`."""
        with self._log.open("rb") as log:
            log.seek(self._counted_to)
            data = log.read()
        self._counted_to += len(data)
        self._count += data.count(b"\n")
        return self._count

    def wait_for(self, number: int, patience_seconds: float = 60.0) -> None:
        """Wait until a number of requests are answered.

        Raises:
            EventsMissingError: No request arrived for `patience_seconds`.
        """
        seen, changed_at = -1, time.monotonic()
        while (count := self.count()) < number:
            if count != seen:
                seen, changed_at = count, time.monotonic()
            elif time.monotonic() - changed_at > patience_seconds:
                raise EventsMissingError(f"{number - count} of {number} requests are missing")
            time.sleep(0.01)

    def arrivals(self) -> list[Arrival]:
        """The requests answered since the last `forget`, in the order of the answers."""
        with self._log.open() as log:
            log.seek(self._offset)
            fields = [line.split() for line in log.read().splitlines()]
        return [Arrival(float(at) - float(took), number_in(key)) for at, took, key in fields]

    def forget(self) -> None:
        """Count from zero again."""
        self.count()
        self._offset = self._counted_to
        self._count = 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Tally(NamedTuple):
    """Whether each event arrived exactly once."""

    missing: int
    again: int
    strange: int


def tally(arrivals: Sequence[Arrival], expected: range) -> Tally:
    """Count the events that did not arrive, those that arrived again, and those never sent.

    Events before the expected ones count as arrived again, because each part of a measurement waits
    for all of its own.
    """
    times = Counter(arrival.number for arrival in arrivals)
    return Tally(
        missing=sum(number not in times for number in expected),
        again=sum(times.values()) - len(times) + sum(number < expected.start for number in times),
        strange=sum(number >= expected.stop for number in times),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, patience_seconds: float = 10.0) -> None:
    """Wait until a process listens on a local port.

    Raises:
        ConnectionRefusedError: None did within `patience_seconds`.
    """
    give_up_at = time.monotonic() + patience_seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return
