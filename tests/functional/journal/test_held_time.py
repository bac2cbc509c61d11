"""The share of time in which deliveries are held if Convertro fails in part; simulated time."""

import pytest
from redis import Redis

from benchmarks.holding import ASKED, FAILED, FORBIDDEN, Answer, World, of_events, of_rounds
from config.settings import Settings

HOUR_SECONDS = 3600
DAY_SECONDS = 86400


def world(redis: Redis, least: int, per_second: float = 5) -> World:
    settings = Settings(
        breaker_min_count=least, concurrency=64, retry_horizon_seconds=7 * DAY_SECONDS
    )
    return World(redis, settings, lambda _: FAILED, per_second)


@pytest.mark.parametrize("least", [5, 20, 200])
@pytest.mark.parametrize("answer", [FORBIDDEN, ASKED, FAILED], ids=["403", "429", "500"])
def test_one_event_in_a_hundred_that_always_fails_holds_nothing(
    redis: Redis, answer: Answer, least: int
) -> None:
    tried = world(redis, least)
    tried.answer = of_events(0.01, answer)
    tried.run(HOUR_SECONDS)
    assert tried.held_ms < 0.02 * HOUR_SECONDS * 1000


@pytest.mark.parametrize("answer", [FORBIDDEN, ASKED, FAILED], ids=["403", "429", "500"])
def test_one_round_in_a_hundred_that_fails_hardly_holds(redis: Redis, answer: Answer) -> None:
    tried = world(redis, 20)
    tried.answer = of_rounds(0.01, answer)
    tried.run(HOUR_SECONDS)
    assert tried.held_ms < 0.02 * HOUR_SECONDS * 1000


def test_a_slow_stream_of_which_most_fails_is_held(redis: Redis) -> None:
    tried = world(redis, 20, per_second=0.5)
    tried.answer = of_rounds(0.8, FAILED)
    tried.run(HOUR_SECONDS)
    assert tried.held_ms > 0.9 * HOUR_SECONDS * 1000
