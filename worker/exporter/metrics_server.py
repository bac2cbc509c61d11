"""The exporter's HTTP server: three paths, and a sentence for every other."""

import socket
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from convertro.errors import JournalUnavailable
from worker.status.health import Verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: How long a client may take to say what it wants.
_CLIENT_SECONDS = 10

_METHODS = ("GET", "HEAD")

_NOT_FOUND = "Nothing is here; ask for /metrics, /healthz or /readyz."
_NOT_ALLOWED = "Only GET and HEAD are answered."

Judge = Callable[[], Verdict]


def exporter_app(registry: CollectorRegistry, judges: Mapping[str, Judge]) -> "WSGIApplication":
    """The application.

    Args:
        registry: What `/metrics` shows.
        judges: What each other path answers: 200 if all is well, otherwise 503.
    """
    metrics = make_wsgi_app(registry)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if method not in _METHODS:
            body = _say(start_response, HTTPStatus.METHOD_NOT_ALLOWED, _NOT_ALLOWED)
        elif path == "/metrics":
            body = metrics({**environ, "REQUEST_METHOD": "GET"}, start_response)
        elif path in judges:
            body = _say(start_response, *_judged(judges[path]))
        else:
            body = _say(start_response, HTTPStatus.NOT_FOUND, _NOT_FOUND)
        return [] if method == "HEAD" else body

    return app


def _judged(judge: Judge) -> tuple[HTTPStatus, str]:
    try:
        verdict = judge()
    except JournalUnavailable as error:
        return HTTPStatus.SERVICE_UNAVAILABLE, str(error)
    status = HTTPStatus.OK if verdict.good else HTTPStatus.SERVICE_UNAVAILABLE
    return status, verdict.sentence


def _say(start_response: "StartResponse", status: HTTPStatus, sentence: str) -> list[bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ", ".join(_METHODS)))
    start_response(f"{status.value} {status.phrase}", headers)
    return [f"{sentence}\n".encode()]


class ExporterServer(ThreadingMixIn, WSGIServer):
    """Listens on one address; a thread for each request."""

    daemon_threads = True

    def __init__(self, host: str, port: int, app: "WSGIApplication") -> None:
        """Take the address and listen.

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
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away or says nothing."""


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the library
        """Keep no access log."""
