"""One HTTP attempt, and the only place that knows the HTTP library.

`requests` is used through its session's adapter: a request is prepared once a call and
no proxy, cookie or netrc lookup happens per request.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests import exceptions
from requests.adapters import HTTPAdapter

from config.settings import Settings
from worker.destination.answers import classify
from worker.outcomes import Outcome, OutcomeClass
from worker.transport.bounded_answer import BOUNDED_POOLS, AnswerTooLong
from worker.transport.open_connection import Answer, answer_of, exchange

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "convertro-destination/0.1",
}

#: What each exception of requests means, the most special first. A test proves it whole.
EXCEPTIONS: tuple[tuple[type[Exception], OutcomeClass, str], ...] = (
    (exceptions.SSLError, OutcomeClass.SETUP, "tls_failure"),
    (exceptions.ProxyError, OutcomeClass.UNSENT, "proxy_failure"),
    (exceptions.ConnectTimeout, OutcomeClass.UNSENT, "connect_timeout"),
    (exceptions.ReadTimeout, OutcomeClass.AMBIGUOUS, "read_timeout"),
    (exceptions.ConnectionError, OutcomeClass.AMBIGUOUS, "connection_lost"),
    (exceptions.ChunkedEncodingError, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    (exceptions.ContentDecodingError, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (exceptions.StreamConsumedError, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    (exceptions.RetryError, OutcomeClass.AMBIGUOUS, "connection_lost"),
    (exceptions.TooManyRedirects, OutcomeClass.SETUP, "redirect"),
    (exceptions.URLRequired, OutcomeClass.SETUP, "bad_url"),
    (exceptions.MissingSchema, OutcomeClass.SETUP, "bad_url"),
    (exceptions.InvalidSchema, OutcomeClass.SETUP, "bad_url"),
    (exceptions.InvalidURL, OutcomeClass.SETUP, "bad_url"),
    # Said of the answer's headers; ours are made so that they are valid.
    (exceptions.InvalidHeader, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (exceptions.RequestException, OutcomeClass.AMBIGUOUS, "request_failed"),
    # What urllib3 raises past requests' own mapping, mostly while a body is read.
    (urllib3.exceptions.ReadTimeoutError, OutcomeClass.AMBIGUOUS, "read_timeout"),
    (urllib3.exceptions.DecodeError, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (urllib3.exceptions.InvalidHeader, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (urllib3.exceptions.HTTPError, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    (ssl.SSLError, OutcomeClass.SETUP, "tls_failure"),
    # What is wrong with an answer; both wrap it.
    (AnswerTooLong, OutcomeClass.AMBIGUOUS, "answer_too_long"),
    (IncompleteRead, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    (RemoteDisconnected, OutcomeClass.AMBIGUOUS, "connection_lost"),
    (HTTPException, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (TimeoutError, OutcomeClass.AMBIGUOUS, "read_timeout"),
    (OSError, OutcomeClass.AMBIGUOUS, "connection_lost"),
)

#: What the libraries raise when an attempt fails.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)

#: Causes of a requests ConnectionError after which the request was surely not sent.
UNSENT_CAUSES = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
)


class OneHostAdapter(HTTPAdapter):
    """An adapter for one host: what depends on the host alone is looked up once.

    That takes a quarter off the cost of a request.
    """

    def __init__(self, pool_maxsize: int) -> None:
        # One connection for each event in flight; requests itself never tries again.
        super().__init__(pool_connections=1, pool_maxsize=pool_maxsize, max_retries=0)
        self.pool: Any = None
        self._urls: dict[str, str] = {}

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Make the pools of connections, whose answers end in time."""
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = BOUNDED_POOLS

    def proxy_manager_for(self, *args: Any, **named: Any) -> Any:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(*args, **named)
        manager.pool_classes_by_scheme = BOUNDED_POOLS
        return manager

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **named: Any
    ) -> Any:
        """The pool of the host's connections."""
        if self.pool is None:
            self.pool = super().get_connection_with_tls_context(request, *args, **named)
        return self.pool

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """What stands in the request line."""
        url = request.url or ""
        if url not in self._urls:
            self._urls[url] = super().request_url(request, proxies)
        return self._urls[url]

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """What is needed of an answer: no cookies, no encoding."""
        response = requests.Response()
        response.raw = answer
        response.request = request
        return response


class Transport:
    """Sends calls to Convertro; safe to share between the threads of a process.

    Args:
        settings: Base URL, timeouts, proxy and concurrency.
        now: The time, for a `Retry-After` that is a date.
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
        adapter = OneHostAdapter(settings.concurrency)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._adapter = adapter
        self._templates: dict[str, requests.PreparedRequest] = {}
        self._heads: dict[str, bytes] = {}

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        """Make one attempt; whatever happens is an outcome, nothing is raised."""
        try:
            answer = self._send_kept(path, body, idempotency_key)
            if answer is None:
                answer = self._send_anew(path, body, idempotency_key)
        except FAILURES as error:
            return outcome_of(error)
        return self._outcome(answer)

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

    def _send_kept(self, path: str, body: bytes, idempotency_key: str) -> Answer | None:
        """Send over a connection that is open; None if there is none."""
        pool = self._adapter.pool
        if pool is None or self._proxies:
            return None
        request = b"%bContent-Length: %d\r\nIdempotency-Key: %b\r\n\r\n%b" % (
            self._heads.get(path) or self._head(path),
            len(body),
            idempotency_key.encode("ascii"),
            body,
        )
        return exchange(pool, request, self._read_timeout_seconds)

    def _head(self, path: str) -> bytes:
        """What every request to a path begins with."""
        template = self._template(path)
        where = urlsplit(template.url or "")  # its host is written as the wire wants it
        lines = [f"POST {template.path_url} HTTP/1.1", f"Host: {where.netloc}"]
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
            template = requests.Request("POST", self._base_url + path, headers=HEADERS).prepare()
            del template.headers["Content-Length"]  # each request has its own
            self._templates[path] = template
        return template


def outcome_of(error: Exception) -> Outcome:
    """Translate an exception of the HTTP library into an outcome."""
    if type(error) is exceptions.ConnectionError and _surely_not_sent(error):
        return Outcome(outcome_class=OutcomeClass.UNSENT, detail="no_connection")
    told_by = _fault_of_answer(error) or error
    for kind, outcome_class, detail in EXCEPTIONS:
        if isinstance(told_by, kind):
            return Outcome(outcome_class=outcome_class, detail=detail)
    raise error


def _surely_not_sent(error: exceptions.ConnectionError) -> bool:
    """Whether the connection failed before anything was sent over it."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError):
        cause = cause.reason
    return isinstance(cause, UNSENT_CAUSES)


def _fault_of_answer(error: Exception) -> HTTPException | None:
    """What was wrong with the answer, beneath what urllib3 and requests made of it."""
    if isinstance(error, exceptions.ConnectionError) and error.args:
        error = error.args[0]
    causes = error.args if isinstance(error, urllib3.exceptions.ProtocolError) else ()
    return next((cause for cause in causes if isinstance(cause, HTTPException)), None)
