"""One HTTP attempt.

`requests` is used through its session's adapter: a request is prepared once a call and
no proxy, cookie or netrc lookup happens per request.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from msgspec.structs import replace
from requests.structures import CaseInsensitiveDict

from config.settings import Settings, ca_bundle_of
from convertro.host import bracketed
from worker.destination.answers import classify
from worker.outcomes import Outcome, OutcomeClass
from worker.transport.failures import FAILURES, outcome_of
from worker.transport.requests_adapter import OneHostAdapter
from worker.transport.socket_exchange import Answer, Exchange, answer_of
from worker.transport.trust import tls_context

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "convertro-destination",
}

#: Those that a URL of a scheme need not name.
PORTS = {"http": 80, "https": 443}

#: What says that a connection leads to a Convertro that works.
_WELL = frozenset({OutcomeClass.ACCEPTED, OutcomeClass.REJECTED})


class Transport:
    """Sends calls to Convertro; safe to share between the threads of a process.

    Args:
        settings: Base URL, timeouts, proxy and concurrency.
        now: The time, for a `Retry-After` that is a date.

    Raises:
        SettingsError: The trusted certificates cannot be read.
    """

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._base_url = settings.base_url
        self._connect_timeout_seconds = settings.connect_timeout_seconds
        self._read_timeout_seconds = settings.read_timeout_seconds
        self._now = now
        self._proxies = (
            {"http": proxy, "https": proxy}
            if (proxy := settings.proxy_url and settings.proxy_url.get_secret_value())
            else {}
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        adapter = OneHostAdapter(settings.concurrency, tls_context(*ca_bundle_of(settings)))
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._adapter = adapter
        self._templates: dict[str, requests.PreparedRequest] = {}
        self._heads: dict[str, bytes] = {}

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        """Make one attempt; whatever happens is an outcome, nothing is raised."""
        return self._attempt(partial(self._answer, path, body, idempotency_key))

    def begin(self, path: str, body: bytes, idempotency_key: str) -> Exchange | None:
        """Send over a connection that is open and wait for nothing; None if none is open."""
        pool = self._adapter.pool
        if pool is None or self._proxies:
            return None
        request = b"%bContent-Length: %d\r\nIdempotency-Key: %b\r\n\r\n%b" % (
            self._heads.get(path) or self._head(path),
            len(body),
            idempotency_key.encode("ascii"),
            body,
        )
        return Exchange.over_open_connection(pool, request, self._read_timeout_seconds)

    def peek(self, exchange: Exchange) -> Outcome | None:
        """What an exchange came to, if that can be told without a wait; else `finish` it."""
        answer = exchange.ordinary_answer()
        return self._noted(self._outcome(answer)) if answer else None

    def finish(self, exchange: Exchange) -> Outcome:
        """Wait for what an exchange comes to; whatever happens is an outcome."""
        return self._attempt(exchange.answer)

    def _answer(self, path: str, body: bytes, idempotency_key: str) -> Answer:
        exchange = self.begin(path, body, idempotency_key)
        return exchange.answer() if exchange else self._send_anew(path, body, idempotency_key)

    def _attempt(self, answer: Callable[[], Answer]) -> Outcome:
        try:
            outcome = self._outcome(answer())
        except FAILURES as error:
            outcome = outcome_of(error)
        return self._noted(outcome)

    def _noted(self, outcome: Outcome) -> Outcome:
        if outcome.outcome_class not in _WELL and self._adapter.pool:
            self._adapter.pool.note_failure()
        return outcome

    def connect(self, path: str) -> None:
        """Open a connection as a request does, through proxy and TLS, and close it again.

        Raises:
            HTTPError, OSError: None came about.
        """
        pool: Any = self._adapter.get_connection_with_tls_context(
            self._template(path), verify=True, proxies=self._proxies
        )
        connection = pool._new_conn()  # noqa: SLF001  urllib3 has no public way to make one
        connection.timeout = self._connect_timeout_seconds
        try:
            if pool.proxy and pool.scheme == "https":
                pool._prepare_proxy(connection)  # noqa: SLF001  the same
            else:
                connection.connect()
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _outcome(self, answer: Answer) -> Outcome:
        """What an answer came to, even if its body could not be read."""
        outcome = classify(answer.status, answer.headers, answer.body, self._now())
        # The status says enough, unless it is a success: then the body may say error.
        if answer.fault and outcome.outcome_class is OutcomeClass.ACCEPTED:
            return replace(outcome_of(answer.fault), status=answer.status)
        return outcome

    def _head(self, path: str) -> bytes:
        """What every request to a path begins with."""
        template = self._template(path)
        lines = [f"POST {template.path_url} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in template.headers.items()]
        self._heads[path] = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        return self._heads[path]

    def _send_anew(self, path: str, body: bytes, idempotency_key: str) -> Answer:
        """Send as requests does it, which opens a connection."""
        template = self._template(path)
        request = requests.PreparedRequest()
        request.method, request.url, request.body = template.method, template.url, body
        request.headers = template.headers.copy()
        request.headers["Content-Length"] = str(len(body))
        request.headers["Idempotency-Key"] = idempotency_key
        timeout = (self._connect_timeout_seconds, self._read_timeout_seconds)
        with self._adapter.send(
            request, stream=True, timeout=timeout, proxies=self._proxies
        ) as response:
            return answer_of(response.raw)

    def _template(self, path: str) -> requests.PreparedRequest:
        """The request to a path, prepared once; there are three paths."""
        template = self._templates.get(path)
        if template is None:
            template = requests.Request("POST", self._base_url + path).prepare()
            # Without a length, which each request has of its own; with a host, since what sends
            # over new connections writes a port and a dot at the name's end in its own way.
            template.headers = CaseInsensitiveDict({"Host": _host_of(template), **HEADERS})
            self._templates[path] = template
        return template


def _host_of(request: requests.PreparedRequest) -> str:
    """The host and port that a request names: no port that its scheme implies, no last dot."""
    parts = urlsplit(request.url or "")  # its host is written as the wire wants it
    host = bracketed((parts.hostname or "").removesuffix("."))
    return host if parts.port in {None, PORTS[parts.scheme]} else f"{host}:{parts.port}"
