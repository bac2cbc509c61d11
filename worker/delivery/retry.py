"""What we do next, given what an attempt came to. Pure: time and chance are arguments.

This is about one event. What all events together say about Convertro is the breaker's
business (`lua/breaker.lua`): while it holds, what is decided here is put off.
"""

from dataclasses import dataclass

from config.settings import Settings
from worker.outcomes import Outcome, OutcomeClass

#: Dead-letter reasons that a decision can give.
REJECTED = "rejected"
RETRIES_EXHAUSTED = "retries_exhausted"
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Proceed:
    """The call is done; go on with the next."""


@dataclass(frozen=True, slots=True)
class Postpone:
    """Try again later."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Bury:
    """Give the event up as a dead letter."""

    reason: str


Decision = Proceed | Postpone | Bury


def decide(  # noqa: PLR0913  everything that a decision depends on
    outcome: Outcome,
    *,
    postponed: int,
    tried_seconds: float,
    chance: float,
    settings: Settings,
    parks_ambiguous: bool = False,
) -> Decision:
    """Decide about an event after a call's last try of this round.

    Args:
        outcome: What the last attempt came to.
        postponed: How often the event was postponed before.
        tried_seconds: How long ago its first attempt was.
        chance: A random number from 0 to 1, for the jitter.
        settings: The retry settings.
        parks_ambiguous: Whether the call must not be sent again if Convertro may have it.
    """
    if outcome.outcome_class is OutcomeClass.ACCEPTED:
        return Proceed()
    if outcome.outcome_class is OutcomeClass.REJECTED:
        return Bury(REJECTED)
    if parks_ambiguous and outcome.outcome_class is OutcomeClass.AMBIGUOUS:
        return Bury(AMBIGUOUS)
    delay_seconds = _delay_seconds(outcome, postponed, chance, settings)
    if tried_seconds + delay_seconds > settings.retry_horizon_seconds:
        return Bury(RETRIES_EXHAUSTED)
    return Postpone(delay_seconds)


def _delay_seconds(outcome: Outcome, postponed: int, chance: float, settings: Settings) -> float:
    """The wait before the next round; a Retry-After only lengthens it, up to the same bound."""
    jitter = 1 + settings.retry_jitter * (2 * chance - 1)
    delay_seconds = max(
        backoff_seconds(postponed, settings) * jitter, outcome.retry_after_seconds or 0.0
    )
    return min(delay_seconds, settings.retry_max_seconds)


def backoff_seconds(postponed: int, settings: Settings) -> float:
    """The wait after a number of postponements, without jitter, in seconds."""
    # 2 to the 30th is beyond every bound; more would only overflow.
    growth = 2.0 ** min(postponed, 30)
    return min(settings.retry_base_seconds * growth, settings.retry_max_seconds)


def retry_times_seconds(settings: Settings) -> list[float]:
    """When the rounds of retries come, in seconds after the first attempt, without jitter."""
    times: list[float] = []
    elapsed = backoff_seconds(0, settings)
    while elapsed <= settings.retry_horizon_seconds:
        times.append(elapsed)
        elapsed += backoff_seconds(len(times), settings)
    return times
