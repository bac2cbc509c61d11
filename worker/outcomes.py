"""The outcomes of attempts, for any destination. Pure values."""

from enum import StrEnum

import msgspec


class OutcomeClass(StrEnum):
    """The class of an outcome, on which the decision depends."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SETUP = "setup"
    THROTTLED = "throttled"
    UNSENT = "unsent"
    AMBIGUOUS = "ambiguous"


#: Classes after which a second try within seconds may succeed.
BLIPS = frozenset({OutcomeClass.UNSENT, OutcomeClass.AMBIGUOUS})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one attempt."""

    outcome_class: OutcomeClass
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: A short name of what happened, without content: `http_503`, `read_timeout`.
    detail: str
    #: The error message in the answer. It may quote the event, so only the event's record gets it.
    said: str = ""
    #: How long Convertro asked to wait, in seconds; None if it did not.
    retry_after_seconds: float | None = None

    def __repr__(self) -> str:
        """Leave out `said`, which may quote the event."""
        return f"Outcome({self.outcome_class!r}, status={self.status!r}, detail={self.detail!r})"


#: What to do about each detail of a failed TLS connection.
TLS_ADVICE = {
    "tls_unknown_issuer": (
        "its certificate was issued by a CA that is not trusted here: let CONVERTRO_CA_BUNDLE name "
        "a file of the CAs that sign for Convertro, or for the proxy that stands in between"
    ),
    "tls_expired": (
        "its certificate has expired or is not valid yet: check this machine's clock; otherwise "
        "the owner of the host in CONVERTRO_BASE_URL has to renew it"
    ),
    "tls_wrong_host": (
        "its certificate is of another host: check the host name in CONVERTRO_BASE_URL"
    ),
    "tls_failure": (
        "no TLS connection can be agreed on: check scheme and port in CONVERTRO_BASE_URL and "
        "CONVERTRO_PROXY_URL; Python 3.13 also refuses certificates that break RFC 5280, for "
        "instance of a private CA whose own does not name its key usage"
    ),
}
