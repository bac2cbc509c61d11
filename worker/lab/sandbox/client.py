"""A client of the sandbox's control API, for tests and for commands that start a sandbox."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from msgspec import Struct, convert

#: How often to ask a sandbox whether it is ready, in seconds.
_POLL_SECONDS = 0.02


class SandboxError(RuntimeError):
    """The sandbox refused a request; the message is the sandbox's."""


class SandboxCall(Struct, frozen=True):
    """An accepted call."""

    #: Its idempotency key.
    key: str
    endpoint: str
    path: str
    body: dict[str, Any]
    #: How often it was accepted: more than once if its key was sent again.
    times: int
    #: When it was received first.
    received_at: datetime


class _SandboxSummary(Struct, frozen=True):
    """The totals since the start or the last `forget`."""

    #: Requests of every kind.
    requests: int
    #: Different idempotency keys that were accepted.
    accepted: int
    #: Acceptances beyond the first of each key.
    duplicates: int
    #: Requests that got no answer, or none yet.
    unanswered: int
    by_status: dict[int, int]
    #: By kind of fault.
    by_fault: dict[str, int]


class SandboxClient:
    """A client of a running sandbox. It keeps no connection, so there is nothing to close."""

    def __init__(self, base_url: str, *, timeout_seconds: float = 30.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds

    def calls(self, key: str | None = None) -> list[SandboxCall]:
        """The accepted calls that the sandbox keeps, oldest first; with a key, only its call."""
        found = self._ask("GET", "calls", params={"key": key})["calls"]
        return convert(found, list[SandboxCall], strict=False)

    def requests(
        self, *, key: str | None = None, limit: int = 1000, bodies: bool = False
    ) -> list[dict[str, Any]]:
        """The newest requests, accepted or not, oldest first, as the sandbox describes them."""
        query = {"key": key, "limit": limit, "bodies": str(bodies).lower()}
        found: list[dict[str, Any]] = self._ask("GET", "requests", params=query)["requests"]
        return found

    def summary(self) -> _SandboxSummary:
        """The totals."""
        return convert(self._ask("GET", "summary"), _SandboxSummary, str_keys=True)

    def add_fault(self, rule: str | Mapping[str, Any]) -> int:
        """Install a rule, in its text or its JSON form.

        Returns:
            The rule's number.

        Raises:
            SandboxError: The rule is wrong; the message names the wrong part.
        """
        given = {"data": rule.encode()} if isinstance(rule, str) else {"json": dict(rule)}
        number: int = self._ask("POST", "faults", **given)["number"]
        return number

    def faults(self) -> list[dict[str, Any]]:
        """The installed rules, in order, each with its state and the number of its answers."""
        rules: list[dict[str, Any]] = self._ask("GET", "faults")["faults"]
        return rules

    def clear_faults(self) -> None:
        """Remove every rule."""
        self._ask("DELETE", "faults")

    def forget(self) -> None:
        """Set the sandbox's counts to zero and empty its record file."""
        self._ask("DELETE", "calls")

    def wait_until_ready(self, timeout_seconds: float = 10.0) -> None:
        """Wait until the sandbox answers.

        Raises:
            TimeoutError: It did not answer in this time.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._ask("GET", "health")
            except requests.RequestException as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"no sandbox at {self.base_url} after {timeout_seconds:g} s: {error}"
                    ) from error
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # a proxy could not reach this machine's loopback
            answer = session.request(
                method,
                f"{self.base_url}/_sandbox/{path}",
                timeout=self._timeout_seconds,
                **given,
            )
        said = answer.json()
        if not answer.ok:
            raise SandboxError(said["message"])
        return said
