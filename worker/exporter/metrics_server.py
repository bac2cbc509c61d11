"""The exporter's HTTP server: five paths, and a sentence at every other one."""

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import msgspec
from prometheus_client import CollectorRegistry, make_wsgi_app

from convertro.errors import JournalUnavailable
from convertro.host import bracketed
from worker.exporter.status_page import CONTENT_SECURITY_POLICY, outage_page, status_page
from worker.status.document import document
from worker.status.health import Verdict
from worker.status.status import Status

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: How long a client may take to send its request, in seconds.
_CLIENT_SECONDS = 10

_METHODS = ("GET", "HEAD")

_NOT_FOUND = "Nothing is here; ask for /, /api/status, /metrics, /healthz or /readyz."
_NOT_ALLOWED = "Only GET and HEAD are answered."

_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"

Judge = Callable[[], Verdict]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: str
    media_type: str = _TEXT


def exporter_app(
    registry: CollectorRegistry, read_status: Callable[[], Status], judges: Mapping[str, Judge]
) -> "WSGIApplication":
    """Make the WSGI application.

    Args:
        registry: The metrics at `/metrics`.
        read_status: Reads the status for the page at `/` and the JSON at `/api/status`.
        judges: The verdict of each other path: answered with 200 if it is good, otherwise 503.
    """
    metrics = make_wsgi_app(registry)
    answers: dict[str, Callable[[], _Answer]] = {
        "/": lambda: _page(read_status),
        "/api/status": lambda: _document(read_status),
        **{path: partial(_judged, judge) for path, judge in judges.items()},
    }

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if method not in _METHODS:
            body = _send(start_response, _Answer(HTTPStatus.METHOD_NOT_ALLOWED, _NOT_ALLOWED))
        elif path == "/metrics":
            body = metrics({**environ, "REQUEST_METHOD": "GET"}, start_response)
        elif path in answers:
            body = _send(start_response, answers[path]())
        else:
            body = _send(start_response, _Answer(HTTPStatus.NOT_FOUND, _NOT_FOUND))
        return [] if method == "HEAD" else body

    return app


def _page(read_status: Callable[[], Status]) -> _Answer:
    try:
        return _Answer(HTTPStatus.OK, status_page(read_status()), _HTML)
    except JournalUnavailable as error:
        return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, outage_page(str(error)), _HTML)


def _document(read_status: Callable[[], Status]) -> _Answer:
    try:
        shown, answer = document(read_status()), HTTPStatus.OK
    except JournalUnavailable as error:
        shown, answer = {"error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE
    return _Answer(answer, msgspec.json.encode(shown).decode(), _JSON)


def _judged(judge: Judge) -> _Answer:
    try:
        verdict = judge()
    except JournalUnavailable as error:
        return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    status = HTTPStatus.OK if verdict.good else HTTPStatus.SERVICE_UNAVAILABLE
    return _Answer(status, verdict.sentence)


def _send(start_response: "StartResponse", answer: _Answer) -> list[bytes]:
    headers = [
        ("Content-Type", answer.media_type),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ]
    if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ", ".join(_METHODS)))
    start_response(f"{answer.status.value} {answer.status.phrase}", headers)
    return [f"{answer.body}\n".encode()]


class ExporterServer(ThreadingMixIn, WSGIServer):
    """Listens on one address; a thread for each request."""

    daemon_threads = True

    def __init__(self, host: str, port: int, app: "WSGIApplication") -> None:
        """Bind to the address and listen.

        Raises:
            OSError: The host is unknown or the port is taken.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        self.address_family = family
        super().__init__((str(address[0]), port), _Handler)
        self.set_app(app)

    @property
    def base_url(self) -> str:
        """The URL at which the server listens."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{bracketed(host)}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing about a client that disconnects or sends no request."""


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the library
        """Keep no access log."""
