"""Makes one HTTP attempt.

requests is used only through its session's adapter: the request to a path is prepared once, and
proxy, cookies and netrc are not looked up for each request.
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

#: The default port of each scheme.
PORTS = {"http": 80, "https": 443}

#: Classes of outcomes that prove that the connection leads to a working Convertro.
_WELL = frozenset({OutcomeClass.ACCEPTED, OutcomeClass.REJECTED})


class Transport:
    """Sends calls to Convertro; safe to share between the threads of a process.

    Args:
        settings: Base URL, timeouts, proxy and concurrency.
        now: Gives the time, for a `Retry-After` that is a date.

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
        """Make one attempt; every failure is an outcome, and nothing is raised."""
        return self._attempt(partial(self._answer, path, body, idempotency_key))

    def begin(self, path: str, body: bytes, idempotency_key: str) -> Exchange | None:
        """Send a request over an open connection, without waiting; None if none is open."""
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
        """Get an exchange's outcome if an ordinary answer has come; None otherwise."""
        answer = exchange.ordinary_answer()
        return self._noted(self._outcome(answer)) if answer else None

    def finish(self, exchange: Exchange) -> Outcome:
        """Wait for an exchange's outcome; every failure is an outcome."""
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
        """Open a connection as for a request, through proxy and TLS, and close it again.

        Raises:
            HTTPError, OSError: The connection failed.
        """
        pool: Any = self._adapter.get_connection_with_tls_context(
            self._template(path), verify=True, proxies=self._proxies
        )
        connection = pool._new_conn()  # noqa: SLF001  urllib3 has no public way to make one
        connection.timeout = self._connect_timeout_seconds
        try:
            if pool.proxy and pool.scheme == "https":
                pool._prepare_proxy(connection)  # noqa: SLF001  as above
            else:
                connection.connect()
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _outcome(self, answer: Answer) -> Outcome:
        """Classify an answer, even if its body could not be read."""
        outcome = classify(answer.status, answer.headers, answer.body, self._now())
        # The status is enough, unless it is 2xx: then the unread body may contain an error.
        if answer.fault and outcome.outcome_class is OutcomeClass.ACCEPTED:
            return replace(outcome_of(answer.fault), status=answer.status)
        return outcome

    def _head(self, path: str) -> bytes:
        """Make the request line and the headers that all requests to a path share."""
        template = self._template(path)
        lines = [f"POST {template.path_url} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in template.headers.items()]
        self._heads[path] = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        return self._heads[path]

    def _send_anew(self, path: str, body: bytes, idempotency_key: str) -> Answer:
        """Send a request by the adapter of requests, which opens a connection."""
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
        """Get the prepared request to a path, made once; there are three paths."""
        template = self._templates.get(path)
        if template is None:
            template = requests.Request("POST", self._base_url + path).prepare()
            # Each request adds its own length. The host is set here, because requests would write
            # its port and a dot at its end differently over new connections.
            template.headers = CaseInsensitiveDict({"Host": _host_of(template), **HEADERS})
            self._templates[path] = template
        return template


def _host_of(request: requests.PreparedRequest) -> str:
    """Make the `Host` header: without the scheme's default port, without a dot at the end."""
    parts = urlsplit(request.url or "")  # requests has encoded the host already
    host = bracketed((parts.hostname or "").removesuffix("."))
    return host if parts.port in {None, PORTS[parts.scheme]} else f"{host}:{parts.port}"
