"""When an event is tried again: every decision about it that Python makes.

The life of an event whose call fails:

1. The answer is put into an outcome class (`worker.destination.answers`, `worker.transport`).
2. A blip (no connection, an answer that was lost, a 5xx) is tried again at once, while a
   thread waits: `CONVERTRO_BLIP_TRIES` tries of a call within `CONVERTRO_BLIP_SECONDS`. The last
   answer counts; it ends the round.
3. Rejected, or ambiguous where a sale must not be sent twice: it is to be buried.
4. Anything else: it is to be postponed, for a wait that doubles from round to round, with
   jitter, or for as long as Convertro asked; buried once that would lead beyond the horizon.
5. The journal carries this out in the step that moves the event (`lua/finishing.lua`), and it
   knows what all events together say (`lua/breaker.lua`): while deliveries are held it makes
   the event due again, and does not count that as a retry.
6. A worker that dies says nothing: its lease runs out, the event is claimed again, and the
   third time in a row it is buried as `poison` (`lua/claim.lua`).

Time and chance are arguments; only the waits between blips are real, and those are tenacity's.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec
from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from config.settings import Settings
from worker.outcomes import BLIPS, Outcome, OutcomeClass
from worker.reasons import DeathReason

#: The wait before the second try of a blip; it doubles, and as much again is random.
_BLIP_WAIT_SECONDS = 0.25
_BLIP_LONGEST_WAIT_SECONDS = 2.0

#: Random part of each longer wait, as a share of it, both ways.
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
        return Bury(DeathReason.REJECTED)
    if parks_ambiguous and outcome.outcome_class is OutcomeClass.AMBIGUOUS:
        return Bury(DeathReason.AMBIGUOUS)
    delay_seconds = _delay_seconds(outcome, postponed, chance, settings)
    if tried_seconds + delay_seconds > settings.retry_horizon_seconds:
        return Bury(DeathReason.RETRIES_EXHAUSTED)
    return Postpone(delay_seconds)


def _delay_seconds(outcome: Outcome, postponed: int, chance: float, settings: Settings) -> float:
    """The wait before the next round; a Retry-After only lengthens it, up to the same bound."""
    jitter = 1 + JITTER * (2 * chance - 1)
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


def blips_of(*, parks_ambiguous: bool) -> AbstractSet[OutcomeClass]:
    """What is tried again at once: less for a call that Convertro must not get twice."""
    return BLIPS - {OutcomeClass.AMBIGUOUS} if parks_ambiguous else BLIPS


def retrying(
    blips: AbstractSet[OutcomeClass],
    took_seconds: float,
    settings: Settings,
    stopping: Callable[[], bool],
) -> Retrying:
    """Tries again at once what is a blip, unless the worker stops; the last outcome counts.

    Made anew for each blip: blips are rare, and tenacity costs as much as a translation.

    Args:
        blips: What is tried again.
        took_seconds: How long the first try took, which counts towards its limit of time.
        settings: How many tries, within which time.
        stopping: Whether the worker stops.
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
    """How long Convertro asked that nothing be sent to it at all, in milliseconds."""
    asked = outcome.outcome_class is OutcomeClass.THROTTLED and outcome.retry_after_seconds
    return int(min(asked, settings.retry_max_seconds) * 1000) if asked else None
