"""Translates the exceptions of the HTTP libraries into outcomes."""

import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import requests
import urllib3
from requests import exceptions

from worker.outcomes import Outcome, OutcomeClass
from worker.transport.bounded_answer import AnswerTooLong

#: Outcome class and detail of each exception, subclasses before their bases. A test checks that no
#: exception of requests is missing.
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
    # This is about the answer's headers; the request's headers are always valid.
    (exceptions.InvalidHeader, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (exceptions.RequestException, OutcomeClass.AMBIGUOUS, "request_failed"),
    # Exceptions of urllib3 that requests does not translate, mostly while a body is read.
    (urllib3.exceptions.ReadTimeoutError, OutcomeClass.AMBIGUOUS, "read_timeout"),
    (urllib3.exceptions.DecodeError, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (urllib3.exceptions.InvalidHeader, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (urllib3.exceptions.HTTPError, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    # Over an open connection; if one cannot be opened, requests raises its own SSLError.
    (ssl.SSLError, OutcomeClass.AMBIGUOUS, "connection_lost"),
    # Faults of an answer, which requests and urllib3 wrap in exceptions of their own.
    (AnswerTooLong, OutcomeClass.AMBIGUOUS, "answer_too_long"),
    (IncompleteRead, OutcomeClass.AMBIGUOUS, "answer_cut_off"),
    (RemoteDisconnected, OutcomeClass.AMBIGUOUS, "connection_lost"),
    (HTTPException, OutcomeClass.AMBIGUOUS, "answer_garbled"),
    (TimeoutError, OutcomeClass.AMBIGUOUS, "read_timeout"),
    (OSError, OutcomeClass.AMBIGUOUS, "connection_lost"),
)

#: The base classes of what the libraries raise when an attempt fails.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)

#: Causes of a ConnectionError of requests with which the request was certainly not sent.
_UNSENT_CAUSES = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
)


#: Details by OpenSSL's numbers of certificate errors; all other errors are a `tls_failure`.
_CERTIFICATE_FAULTS = {
    **dict.fromkeys((2, 18, 19, 20, 21, 27), "tls_unknown_issuer"),
    **dict.fromkeys((9, 10), "tls_expired"),
    **dict.fromkeys((62, 64), "tls_wrong_host"),
}


def outcome_of(error: Exception) -> Outcome:
    """Translate an exception of the HTTP libraries into an outcome; raise it if it is unknown."""
    if isinstance(error, exceptions.SSLError):
        return Outcome(outcome_class=OutcomeClass.SETUP, detail=tls_fault(error) or "tls_failure")
    if type(error) is exceptions.ConnectionError and _surely_not_sent(error):
        return Outcome(outcome_class=OutcomeClass.UNSENT, detail="no_connection")
    told_by = _fault_of_answer(error) or error
    for kind, outcome_class, detail in EXCEPTIONS:
        if isinstance(told_by, kind):
            return Outcome(outcome_class=outcome_class, detail=detail)
    raise error


def tls_fault(error: object) -> str | None:
    """Find why a TLS connection failed, as a key of `TLS_ADVICE`; None if TLS is not the cause."""
    found = None
    while isinstance(error, Exception):
        if isinstance(error, ssl.SSLCertVerificationError):
            return _CERTIFICATE_FAULTS.get(error.verify_code, "tls_failure")
        if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
            found = "tls_failure"
        inner = getattr(error, "reason", None)
        error = inner if isinstance(inner, Exception) else next(iter(error.args), None)
    return found


def _surely_not_sent(error: exceptions.ConnectionError) -> bool:
    """Whether the connection failed before anything was sent over it."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError):
        cause = cause.reason
    return isinstance(cause, _UNSENT_CAUSES)


def _fault_of_answer(error: Exception) -> HTTPException | None:
    """Find the fault of an answer that urllib3 and requests have wrapped; None if there is none."""
    if isinstance(error, exceptions.ConnectionError) and error.args:
        error = error.args[0]
    causes = error.args if isinstance(error, urllib3.exceptions.ProtocolError) else ()
    return next((cause for cause in causes if isinstance(cause, HTTPException)), None)
