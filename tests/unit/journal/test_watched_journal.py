"""The journal's figures stay true in unusual orders of steps."""

from typing import Any

import pytest

from tests.support.events import ORDER, order_completed
from tests.support.letters import deaths_of
from tests.unit.delivery.test_event import SETTINGS, deliver
from tests.unit.journal.test_holding import ACCEPTED, FAILING, REJECTED, Bench
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Burial, Finish, Finished, Move
from worker.reasons import DeathReason


@pytest.fixture
def bench() -> Bench:
    return Bench()


def redis_of(bench: Bench) -> Any:
    return bench.journal._redis


@pytest.mark.parametrize("move", [Move.DEAD, Move.POSTPONED])
def test_an_erased_event_is_not_reported_as_dead(bench: Bench, move: Move) -> None:
    bench.accept("ada")
    (event,) = bench.claim()
    bench.journal.erase(["ada"])
    fields = {"reason": DeathReason.REJECTED, "move": move, "delay_ms": 1000}
    finish = Finish(
        event_id="ada",
        lease=event.lease,
        attempts=(
            Attempt(at_ms=bench.now_ms, call="sale", outcome_class="rejected", detail="http_400"),
        ),
        **fields,
    )
    (finished,) = bench.journal.finish([finish])
    assert bench.place("ada") == "unknown"
    assert Burial.of(finish, finished) is None
    assert finished is not Finished.MOVED


def test_the_sent_call_of_a_dead_letter_is_not_one_that_was_accepted() -> None:
    finish, transport = deliver(
        order_completed(properties={**ORDER, "repeat": False}),
        settings=SETTINGS.model_copy(update={"on_ambiguous": "hold"}),
        in_doubt={"sale": 1},
    )
    assert finish is not None
    print(finish, transport.sent)
    assert (finish.move, finish.reason) == (Move.DEAD, "ambiguous")
    assert len(transport.sent) == 1  # `sale.new` alone, and it was accepted
    assert finish.sent is None


def test_a_stuck_worker_is_stuck_for_longer_than_an_hour(bench: Bench) -> None:
    bench.accept("waits")
    seen = []
    for _ in range(200):
        bench.wait(25)
        bench.journal.tick("celery@a/1-ab", 4, [])
        stuck = bench.journal.snapshot().stuck
        seen.append("celery@a/1-ab" in [w.name for w in stuck])
    first = seen.index(True)
    print([number for number, is_stuck in enumerate(seen) if not is_stuck])
    assert all(seen[first:])


def test_a_worker_that_writes_back_is_not_stuck() -> None:
    """With a slow Convertro a worker may only finish events, without claiming any."""
    bench = Bench()
    redis = redis_of(bench)
    worker = Journal(
        redis, bench.settings, clock=lambda: bench.now_ms, shebang=False, worker="celery@a/1-ab"
    )
    bench.journal.tick("celery@a/1-ab", 1, [])
    bench.journal.accept([(f"e{n}", b"{}") for n in range(200)])
    events = worker.claim("wakeup", "lease", 32).events
    for event in events[:20]:
        bench.wait(2)
        bench.journal.tick("celery@a/1-ab", 1, [])
        finish = Finish(event_id=event.event_id, lease=event.lease, move=Move.DELIVERED)
        assert worker.finish([finish]) == (Finished.MOVED,)
    assert bench.journal.snapshot().stuck == ()


def test_the_fastest_ten_seconds_outlive_the_hour_in_which_a_week_is_over(bench: Bench) -> None:
    bench.deliver(*[ACCEPTED] * 50)
    bench.wait(10)
    bench.journal.tick("worker", 4, [])
    assert bench.journal.snapshot().latest.fastest == 50
    for _ in range(7 * 4):  # every six hours less, so all along there was a pace to know
        bench.deliver(*[ACCEPTED] * 40)
        bench.wait(10)
        bench.journal.tick("worker", 4, [])
        bench.wait(6 * 3600 - 10)
    bench.journal.tick("worker", 4, [])
    bench.wait(1)
    bench.journal.tick("worker", 4, [])
    assert bench.journal.snapshot().latest.fastest == 50


def test_a_redriven_event_does_not_begin_its_horizon_with_an_older_attempt(bench: Bench) -> None:
    bench.accept("late")
    (event,) = bench.claim()
    tried_at = bench.now_ms
    bench.wait(61)
    (again,) = bench.claim()
    assert bench.finish_one(again, REJECTED) is Finished.MOVED
    bench.wait(3600)
    bench.journal.redrive(deaths_of(bench.journal, "late"))
    attempt = Attempt(at_ms=tried_at, call="sale", outcome_class="ambiguous", detail="timeout")
    bench.journal.finish(
        [
            Finish(
                event_id="late",
                lease=event.lease,
                move=Move.POSTPONED,
                delay_ms=1,
                attempts=(attempt,),
            )
        ]
    )
    assert bench.record("late").tried_at_ms is None


def test_the_last_failure_is_that_of_the_last_attempt_which_was_not_accepted(bench: Bench) -> None:
    bench.deliver(ACCEPTED)
    assert bench.journal.snapshot().latest.failed_ms is None
    bench.deliver(FAILING)
    failed_at_ms = bench.now_ms
    bench.wait(5)
    bench.deliver(ACCEPTED)
    latest = bench.journal.snapshot().latest
    assert (latest.failed_ms, latest.failed_detail) == (failed_at_ms, "http_503")
    assert latest.delivered_ms == bench.now_ms


def test_ten_seconds_without_a_delivery_are_not_the_fastest(bench: Bench) -> None:
    bench.accept("event")
    bench.wait(20)
    bench.journal.tick("worker", 4, [])
    assert bench.journal.snapshot().latest.fastest == 0
