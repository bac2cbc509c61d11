"""Clocks of Redis and of workers that ran ahead and were set right."""

import fakeredis
import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from worker.journal.journal import Journal
from worker.journal.records import Attempt, ClaimedEvent, Finish, Move

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Bench:
    """A journal whose Redis clock the test sets, and one worker."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000
        self.redis = fakeredis.FakeRedis()
        self.journal = Journal(self.redis, Settings(), clock=lambda: self.now_ms, shebang=False)
        self.leases = 0

    def tick(self) -> None:
        self.journal.tick("w", 1, [])

    def claim(self) -> tuple[ClaimedEvent, ...]:
        self.tick()  # as an unknown worker it would be one too many
        self.leases += 1
        return self.journal.claim("token", f"l{self.leases}", 1000).events

    def postpone(self, event: ClaimedEvent, delay_ms: int, attempt_at_ms: int) -> None:
        attempt = Attempt(at_ms=attempt_at_ms, call="c", outcome_class="unsent", detail="no")
        self.journal.finish(
            [
                Finish(
                    event_id=event.event_id,
                    lease=event.lease,
                    move=Move.POSTPONED,
                    delay_ms=delay_ms,
                    attempts=(attempt,),
                )
            ]
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("number", [1, 700])
def test_what_came_while_the_clock_ran_ahead_is_due_once_it_is_put_right(
    bench: Bench, number: int
) -> None:
    bench.now_ms += 10 * 60_000
    bench.journal.accept([(f"event-{one}", b"{}") for one in range(number)])
    bench.now_ms -= 10 * 60_000
    with capture_logs() as lines:
        bench.tick()
        bench.tick()
    assert bench.journal.snapshot().due_now == number
    assert sum(line["events"] for line in lines if line["action"] == "waits_ended") == number
    assert bench.journal.snapshot().counters["waits_ended"] == number


def test_a_retry_waits_no_longer_than_the_longest_wait(bench: Bench) -> None:
    bench.journal.accept([("soon", b"{}"), ("ahead", b"{}")])
    soon, ahead = bench.claim()
    bench.postpone(soon, HOUR_MS, bench.now_ms)
    bench.now_ms += 25 * HOUR_MS
    bench.postpone(ahead, 30_000, bench.now_ms)
    bench.now_ms -= 25 * HOUR_MS
    bench.tick()
    assert [event.event_id for event in bench.claim()] == [ahead.event_id]


def test_a_lease_that_was_given_ahead_ends_as_others_do(bench: Bench) -> None:
    bench.journal.accept([("event", b"{}")])
    bench.now_ms += 25 * HOUR_MS
    bench.claim()
    bench.now_ms -= 25 * HOUR_MS
    bench.tick()
    (event,) = bench.claim()
    assert event.record.leases_lost == 1
    assert bench.journal.snapshot().claimed == 1


def test_nothing_is_cut_short_while_the_clock_goes_on(bench: Bench) -> None:
    bench.journal.accept([(f"event-{one}", b"{}") for one in range(4)])
    first, second, *_ = bench.claim()
    bench.postpone(first, HOUR_MS, bench.now_ms)
    bench.postpone(second, 1000, bench.now_ms)
    bench.tick()
    snapshot = bench.journal.snapshot()
    assert (snapshot.due_now, snapshot.claimed) == (0, 2)
    assert "waits_ended" not in snapshot.counters


@pytest.mark.parametrize("skew_ms", [25 * HOUR_MS, 0, -25 * HOUR_MS])
def test_how_long_an_event_was_tried_is_measured_by_the_clock_of_redis(
    bench: Bench, skew_ms: int
) -> None:
    """The times of attempts by the worker's own clock do not matter."""
    bench.journal.accept([("event", b"{}")])
    (event,) = bench.claim()
    assert event.record.tried_for_ms == 0
    bench.postpone(event, 1000, bench.now_ms + skew_ms)
    bench.now_ms += 2 * HOUR_MS
    (event,) = bench.claim()
    assert event.record.tried_for_ms == 2 * HOUR_MS
    bench.postpone(event, 1000, bench.now_ms - skew_ms)
    bench.now_ms += HOUR_MS
    (event,) = bench.claim()
    assert event.record.tried_for_ms == 3 * HOUR_MS


def test_retries_that_began_ahead_count_from_now(bench: Bench) -> None:
    bench.journal.accept([("event", b"{}")])
    (event,) = bench.claim()
    bench.now_ms += 25 * DAY_MS
    bench.postpone(event, 1000, bench.now_ms)
    bench.now_ms -= 25 * DAY_MS
    bench.tick()
    (event,) = bench.claim()
    bench.postpone(event, 1000, bench.now_ms)
    bench.now_ms += HOUR_MS
    (event,) = bench.claim()
    assert event.record.tried_for_ms == HOUR_MS
