"""Requests to a sandbox as a worker would send them, for tests that hold one."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import requests

from worker.lab.sandbox.process import SandboxProcess

EVENT = {"domain": "shop.example", "visitor_id": "v-1", "event_type": "sale"}
EVENTS_PATH = "/v1/acme/site-1/events"

#: How long a test waits for an answer that it wants to miss.
IMPATIENT_SECONDS = 0.3
#: A delay that no test waits for.
LONG_SECONDS = 600

#: How long a test waits for what must come.
DEADLINE_SECONDS = 20.0


def send(
    sandbox: SandboxProcess,
    key: str | None = "evt-1/0",
    body: Any = EVENT,
    *,
    path: str = EVENTS_PATH,
    **options: Any,
) -> requests.Response:
    """Send a right request but for what is said; `options` are those of requests."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    headers |= options.pop("headers", {})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = {"method": "POST", "timeout": DEADLINE_SECONDS, "allow_redirects": False} | options
    with requests.Session() as session:
        session.trust_env = False
        return session.request(url=sandbox.base_url + path, data=data, headers=headers, **asked)


def statuses(sandbox: SandboxProcess, *keys: str) -> list[int]:
    """Send a right request with each key, one after the other."""
    return [send(sandbox, key).status_code for key in keys]


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds, at most for the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def connect(sandbox: SandboxProcess) -> socket.socket:
    """A bare connection, for what no HTTP client would do."""
    return socket.create_connection(("127.0.0.1", sandbox.port), timeout=DEADLINE_SECONDS)


def read_to_the_end(connection: socket.socket, received: bytearray) -> None:
    """Collect what comes until the other side ends the connection, however it does."""
    while chunk := connection.recv(4096):
        received += chunk
