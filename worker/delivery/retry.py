"""Decides when an event is tried again; all such decisions in Python are here.

The life of an event whose call fails:

1. The answer gets an outcome class (`worker.destination.answers`, `worker.transport`).
2. After a blip (no connection, a lost answer, a 5xx) a thread waits shortly and tries again:
   `CONVERTRO_BLIP_TRIES` tries of a call within `CONVERTRO_BLIP_SECONDS`. The last answer ends
   the round, and only this one counts.
3. After a rejection, or an ambiguous outcome of a call that must not be sent twice, the decision
   is to bury the event.
4. After any other failure the decision is to postpone it: by a wait that doubles from round to
   round, with jitter, or by as long as Convertro asked. If that exceeds the horizon, it is buried.
5. The journal carries out the decision in the step that moves the event (`lua/finishing.lua`). It
   knows the outcomes of all events (`lua/breaker.lua`): while deliveries are held it makes the
   event due again instead, and does not count that as a retry.
6. If the worker dies, the event's lease ends and the event is claimed again; after the third lost
   lease in a row it is buried as `poison` (`lua/claim.lua`).

Time and chance are arguments; only the waits after blips are real, and tenacity does them.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec
from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from config.settings import Settings
from worker.outcomes import BLIPS, Outcome, OutcomeClass
from worker.reasons import DeathReason

#: The wait before the second try after a blip; it doubles, and at most as much again is random.
_BLIP_WAIT_SECONDS = 0.25
_BLIP_LONGEST_WAIT_SECONDS = 2.0

#: The random part of a wait between rounds: by which share it may be longer or shorter.
JITTER = 0.2


class Proceed(msgspec.Struct, frozen=True):
    """The call is done; go on with the next."""


class Postpone(msgspec.Struct, frozen=True):
    """Try again later."""

    delay_seconds: float


class Bury(msgspec.Struct, frozen=True):
    """Give the event up as a dead letter."""

    reason: DeathReason


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
    """Decide about an event after the last attempt of a round.

    Args:
        outcome: The outcome of that attempt.
        postponed: How often the event was postponed before.
        tried_seconds: How long ago its first attempt was, in seconds.
        chance: A random number from 0 to 1, for the jitter.
        settings: The retry settings.
        parks_ambiguous: Whether the call must not be sent again if Convertro may have it.
    """
    if outcome.outcome_class is OutcomeClass.ACCEPTED:
        return Proceed()
    if outcome.outcome_class is OutcomeClass.REJECTED:
        return Bury(DeathReason.REJECTED)
    if parks_ambiguous and outcome.outcome_class is OutcomeClass.AMBIGUOUS:
        return Bury(DeathReason.AMBIGUOUS)
    delay_seconds = _delay_seconds(outcome, postponed, chance, settings)
    if tried_seconds + delay_seconds > settings.retry_horizon_seconds:
        return Bury(DeathReason.RETRIES_EXHAUSTED)
    return Postpone(delay_seconds)


def _delay_seconds(outcome: Outcome, postponed: int, chance: float, settings: Settings) -> float:
    """Compute the wait before the next round; a Retry-After may lengthen it, within the bound."""
    jitter = 1 + JITTER * (2 * chance - 1)
    delay_seconds = max(
        backoff_seconds(postponed, settings) * jitter, outcome.retry_after_seconds or 0.0
    )
    return min(delay_seconds, settings.retry_max_seconds)


def backoff_seconds(postponed: int, settings: Settings) -> float:
    """Compute the wait after a number of postponements, without jitter, in seconds."""
    # 2^30 times the base exceeds every bound; a larger exponent could overflow.
    growth = 2.0 ** min(postponed, 30)
    return min(settings.retry_base_seconds * growth, settings.retry_max_seconds)


def retry_times_seconds(settings: Settings) -> list[float]:
    """List the times of all retries, in seconds after the first attempt, without jitter."""
    times: list[float] = []
    elapsed = backoff_seconds(0, settings)
    while elapsed <= settings.retry_horizon_seconds:
        times.append(elapsed)
        elapsed += backoff_seconds(len(times), settings)
    return times


def blips_of(*, parks_ambiguous: bool) -> AbstractSet[OutcomeClass]:
    """Give the blips of a call; ambiguous outcomes are none if it must not be sent twice."""
    return BLIPS - {OutcomeClass.AMBIGUOUS} if parks_ambiguous else BLIPS


def retrying(
    blips: AbstractSet[OutcomeClass],
    took_seconds: float,
    settings: Settings,
    stopping: Callable[[], bool],
) -> Retrying:
    """Make the retries of a call after a blip; they end with its last outcome.

    They are made only when a blip occurs, because tenacity takes as long as a translation.

    Args:
        blips: The outcome classes after which the call is tried again.
        took_seconds: How long the first attempt took; it counts towards `blip_seconds`.
        settings: How many attempts, and within how many seconds.
        stopping: Whether the worker stops; then there is no further attempt.
    """
    stop_time = stop_before_delay(max(0.0, settings.blip_seconds - took_seconds))
    return Retrying(
        retry=retry_if_result(lambda outcome: outcome.outcome_class in blips and not stopping()),
        stop=stop_after_attempt(settings.blip_tries) | stop_time,
        wait=wait_exponential_jitter(
            multiplier=_BLIP_WAIT_SECONDS,
            max=_BLIP_LONGEST_WAIT_SECONDS,
            jitter=_BLIP_WAIT_SECONDS,
        ),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )


def stream_break_ms(outcome: Outcome, settings: Settings) -> int | None:
    """Read how long Convertro asked for no calls at all, in milliseconds; None if it did not."""
    asked = outcome.outcome_class is OutcomeClass.THROTTLED and outcome.retry_after_seconds
    return int(min(asked, settings.retry_max_seconds) * 1000) if asked else None
