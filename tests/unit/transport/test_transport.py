"""All foreign exceptions become outcomes."""

import inspect
import ssl
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import pytest
import urllib3
from requests import exceptions

from config.settings import Settings
from worker.outcomes import OutcomeClass
from worker.transport.bounded_answer import AnswerTooLong
from worker.transport.failures import EXCEPTIONS, outcome_of
from worker.transport.transport import Transport

REQUESTS_ERRORS = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, exceptions.RequestException)
]


@pytest.mark.parametrize("kind", REQUESTS_ERRORS, ids=lambda kind: kind.__name__)
def test_every_exception_of_requests_has_an_outcome(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    error.args = ("said by the library",)
    assert outcome_of(error).outcome_class in OutcomeClass


def test_the_library_has_as_many_exceptions_as_we_know() -> None:
    assert len(REQUESTS_ERRORS) > 15


def test_a_special_exception_stands_before_its_base() -> None:
    kinds = [kind for kind, _, _ in EXCEPTIONS]
    for position, kind in enumerate(kinds):
        for later in kinds[position + 1 :]:
            assert not issubclass(later, kind), f"{later} is never reached behind {kind}"


def connection_error(reason: Exception) -> exceptions.ConnectionError:
    pool = urllib3.HTTPConnectionPool("convertro.example")
    return exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", reason))


def aborted(cause: Exception) -> exceptions.ConnectionError:
    protocol = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    return exceptions.ConnectionError(protocol)


@pytest.mark.parametrize(
    ("error", "expected", "detail"),
    [
        (
            connection_error(
                urllib3.exceptions.NewConnectionError(
                    urllib3.connection.HTTPConnection("convertro.example"), "refused"
                )
            ),
            "unsent",
            "no_connection",
        ),
        (
            connection_error(
                urllib3.exceptions.NameResolutionError(
                    "convertro.example",
                    urllib3.connection.HTTPConnection("convertro.example"),
                    OSError(),  # type: ignore[arg-type]  # any cause will do
                )
            ),
            "unsent",
            "no_connection",
        ),
        (
            exceptions.ConnectionError(urllib3.exceptions.ProtocolError("reset")),
            "ambiguous",
            "connection_lost",
        ),
        (exceptions.ConnectionError(), "ambiguous", "connection_lost"),
        (exceptions.ConnectTimeout(), "unsent", "connect_timeout"),
        (exceptions.ReadTimeout(), "ambiguous", "read_timeout"),
        (exceptions.SSLError(), "setup", "tls_failure"),
        (exceptions.ProxyError(), "unsent", "proxy_failure"),
        (exceptions.ChunkedEncodingError(), "ambiguous", "answer_cut_off"),
        (exceptions.InvalidURL(), "setup", "bad_url"),
        (ConnectionResetError(), "ambiguous", "connection_lost"),
        (ssl.SSLError(), "ambiguous", "connection_lost"),
        (urllib3.exceptions.ProtocolError(), "ambiguous", "answer_cut_off"),
        (urllib3.exceptions.DecodeError(), "ambiguous", "answer_garbled"),
        (exceptions.InvalidHeader(), "ambiguous", "answer_garbled"),
        (aborted(RemoteDisconnected("closed")), "ambiguous", "connection_lost"),
        (aborted(ConnectionResetError()), "ambiguous", "connection_lost"),
        (aborted(BadStatusLine("SSH-2.0")), "ambiguous", "answer_garbled"),
        (aborted(LineTooLong("header line")), "ambiguous", "answer_garbled"),
        (aborted(IncompleteRead(b"")), "ambiguous", "answer_cut_off"),
        (aborted(AnswerTooLong()), "ambiguous", "answer_too_long"),
        (AnswerTooLong(), "ambiguous", "answer_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_was_surely_not_sent_is_told_from_what_may_have_been(
    error: Exception, expected: str, detail: str
) -> None:
    outcome = outcome_of(error)
    assert (outcome.outcome_class, outcome.detail) == (expected, detail)


def test_an_error_of_ours_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        outcome_of(KeyError("a bug"))


def test_the_environment_does_not_affect_requests() -> None:
    assert Transport(Settings())._session.trust_env is False
