"""What an attempt can come to, whichever destination it was sent to. Pure values."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt came to."""

    outcome_class: OutcomeClass
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: A short name of what happened, never content: `http_503`, `read_timeout`.
    detail: str
    #: How long Convertro asked us to wait, in seconds; None if it did not say.
    retry_after_seconds: float | None = None
