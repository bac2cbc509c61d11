"""The decision that follows from an outcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from worker.delivery.retry import (
    Bury,
    Decision,
    Postpone,
    Proceed,
    backoff_seconds,
    decide,
    retry_times_seconds,
)
from worker.outcomes import Outcome, OutcomeClass

SETTINGS = Settings()
HOUR = 3600.0
DAY = 24 * HOUR


def outcome(name: str, retry_after_seconds: float | None = None) -> Outcome:
    return Outcome(
        outcome_class=OutcomeClass(name), detail="x", retry_after_seconds=retry_after_seconds
    )


@pytest.mark.parametrize(
    ("given_outcome", "postponed", "tried_seconds", "chance", "expected"),
    [
        (outcome("accepted"), 0, 0.0, 0.5, Proceed()),
        (outcome("rejected"), 0, 0.0, 0.5, Bury("rejected")),
        (outcome("ambiguous"), 0, 0.0, 0.5, Postpone(30.0)),
        (outcome("unsent"), 1, 0.0, 0.5, Postpone(60.0)),
        (outcome("ambiguous"), 2, 0.0, 0.0, Postpone(96.0)),  # 30 × 2² × 0.8
        (outcome("ambiguous"), 2, 0.0, 1.0, Postpone(144.0)),  # 30 × 2² × 1.2
        (outcome("ambiguous"), 6, 0.0, 0.5, Postpone(1920.0)),  # 30 × 2⁶
        (outcome("ambiguous"), 7, 0.0, 0.5, Postpone(HOUR)),  # 30 × 2⁷ is beyond an hour
        (outcome("ambiguous"), 7, 0.0, 1.0, Postpone(HOUR)),  # jitter does not pass the bound
        (outcome("ambiguous"), 5000, 0.0, 0.5, Postpone(HOUR)),  # no overflow
        (outcome("setup"), 0, 0.0, 0.5, Postpone(30.0)),
        (outcome("throttled"), 0, 0.0, 0.5, Postpone(30.0)),
        (outcome("throttled", 200.0), 0, 0.0, 0.5, Postpone(200.0)),  # lengthens
        (outcome("throttled", 2.0), 0, 0.0, 0.5, Postpone(30.0)),  # never shortens
        (outcome("throttled", 1e12), 0, 0.0, 0.5, Postpone(HOUR)),  # at most an hour
        (outcome("ambiguous"), 30, DAY - HOUR, 0.5, Postpone(HOUR)),
        (outcome("ambiguous"), 30, DAY - HOUR + 1, 0.5, Bury("retries_exhausted")),
        (outcome("rejected"), 30, 2 * DAY, 0.5, Bury("rejected")),
        (outcome("accepted"), 30, 2 * DAY, 0.5, Proceed()),
    ],
)
def test_each_outcome_has_its_decision(
    given_outcome: Outcome,
    postponed: int,
    tried_seconds: float,
    chance: float,
    expected: Decision,
) -> None:
    decision = decide(
        given_outcome,
        postponed=postponed,
        tried_seconds=tried_seconds,
        chance=chance,
        settings=SETTINGS,
    )
    if isinstance(expected, Postpone):
        assert isinstance(decision, Postpone)
        assert decision.delay_seconds == pytest.approx(expected.delay_seconds)
    else:
        assert decision == expected


@given(
    name=st.sampled_from(["setup", "throttled", "unsent", "ambiguous"]),
    postponed=st.integers(0, 10_000),
    tried_seconds=st.floats(0, 10 * DAY),
    chance=st.floats(0, 1),
    retry_after_seconds=st.none() | st.floats(0, 1e15),
)
def test_a_wait_is_bounded_and_the_horizon_is_kept(
    name: str,
    postponed: int,
    tried_seconds: float,
    chance: float,
    retry_after_seconds: float | None,
) -> None:
    decision = decide(
        outcome(name, retry_after_seconds),
        postponed=postponed,
        tried_seconds=tried_seconds,
        chance=chance,
        settings=SETTINGS,
    )
    if isinstance(decision, Postpone):
        assert 24.0 <= decision.delay_seconds <= HOUR
        assert tried_seconds + decision.delay_seconds <= DAY
    else:
        assert decision == Bury("retries_exhausted")
        assert tried_seconds > DAY - HOUR


def test_the_schedule_is_the_sum_of_the_backoffs() -> None:
    times = retry_times_seconds(SETTINGS)
    assert times[:4] == [30.0, 90.0, 210.0, 450.0]
    assert times[6:9] == [3810.0, 7410.0, 11010.0]
    assert times[-1] <= DAY < times[-1] + backoff_seconds(len(times), SETTINGS)


def test_without_a_horizon_there_are_no_retries() -> None:
    settings = Settings(retry_horizon_seconds=0)
    assert retry_times_seconds(settings) == []
    decision = decide(
        outcome("ambiguous"), postponed=0, tried_seconds=0, chance=0.5, settings=settings
    )
    assert decision == Bury("retries_exhausted")
