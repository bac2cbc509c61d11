"""Sends requests to a sandbox as a worker would."""

import json
import socket
from typing import Any

import requests

from tests.support.waiting import PATIENCE_SECONDS
from worker.lab.sandbox.process import SandboxProcess

EVENT = {"domain": "shop.example", "visitor_id": "v-1", "event_type": "sale"}
EVENTS_PATH = "/v1/acme/site-1/events"

#: How long a test waits for an answer that is not to come, in seconds.
IMPATIENT_SECONDS = 0.3
#: A delay of an answer for which no test waits, in seconds.
LONG_SECONDS = 600


def send(
    sandbox: SandboxProcess,
    key: str | None = "evt-1/0",
    body: Any = EVENT,
    *,
    path: str = EVENTS_PATH,
    **options: Any,
) -> requests.Response:
    """Send a valid request except for what is given; `options` are those of requests."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    headers |= options.pop("headers", {})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = {"method": "POST", "timeout": PATIENCE_SECONDS, "allow_redirects": False} | options
    with requests.Session() as session:
        session.trust_env = False
        return session.request(url=sandbox.base_url + path, data=data, headers=headers, **asked)


def statuses(sandbox: SandboxProcess, *keys: str) -> list[int]:
    """Send a valid request with each key, one after the other."""
    return [send(sandbox, key).status_code for key in keys]


def connect(sandbox: SandboxProcess) -> socket.socket:
    """Open a bare connection, for requests that no HTTP client would send."""
    return socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE_SECONDS)


def read_to_the_end(connection: socket.socket, received: bytearray) -> None:
    """Collect bytes until the other side ends the connection."""
    while chunk := connection.recv(4096):
        received += chunk
