"""What an attempt can come to, whichever destination it was sent to. Pure values."""

from enum import StrEnum

import msgspec


class OutcomeClass(StrEnum):
    """What an attempt came to, as far as the next step depends on it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SETUP = "setup"
    THROTTLED = "throttled"
    UNSENT = "unsent"
    AMBIGUOUS = "ambiguous"


#: Classes that a quick second try may cure.
BLIPS = frozenset({OutcomeClass.UNSENT, OutcomeClass.AMBIGUOUS})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt came to."""

    outcome_class: OutcomeClass
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: A short name of what happened, never content: `http_503`, `read_timeout`.
    detail: str
    #: What the answer said of an error; may quote the event, so it goes to its record alone.
    said: str = ""
    #: How long Convertro asked us to wait, in seconds; None if it did not say.
    retry_after_seconds: float | None = None

    def __repr__(self) -> str:
        """Without what the answer said."""
        return f"Outcome({self.outcome_class!r}, status={self.status!r}, detail={self.detail!r})"


#: What to do about each detail that says that no TLS connection came about.
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
        "CONVERTRO_PROXY_URL"
    ),
}
