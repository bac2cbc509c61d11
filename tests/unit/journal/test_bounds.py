"""Which dead letters a bound removes, and which ones an operator's choice applies to."""

from collections.abc import Iterable
from typing import Any

import pytest
import structlog

from config.settings import Settings
from tests.support.letters import deaths_of
from tests.unit.journal.test_holding import ACCEPTED, REJECTED, Bench
from worker.journal.records import Finished, Worth

DAY_SECONDS = 86_400


def bench_of(**settings: Any) -> Bench:
    return Bench(Settings(breaker_min_count=1000, **settings))


def names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}-{index:04}" for index in range(number)]


def bury(bench: Bench, ids: Iterable[str], worth: Worth | None, reason: str = "rejected") -> None:
    """Bury events one by one, each a millisecond after the one before."""
    for event_id in ids:
        bench.accept(event_id)
        (event,) = bench.claim(1)
        assert bench.finish_one(event, REJECTED, reason=reason, worth=worth) is Finished.MOVED
        bench.wait(0.001)


def dead(bench: Bench) -> list[str]:
    return [letter.event_id for letter in bench.journal.dead_letters()]


def check(bench: Bench) -> None:
    """Check that the journal adds up."""
    assert not list(bench.journal.inspect())
    snapshot = bench.journal.snapshot()
    assert (snapshot.unaccounted, snapshot.valued) == (0, snapshot.dead)
    sizes = (letter.record.size for letter in bench.journal.dead_letters())
    assert snapshot.dead_bytes == sum(sizes)


def test_orders_stay_when_events_without_a_device_flood_in() -> None:
    bench = bench_of(dead_max_count=10)
    orders = names("order", 3)
    bury(bench, orders, Worth.REVENUE)
    bury(bench, names("page", 40), Worth.NOTHING, "missing_device_id")
    assert dead(bench) == [*orders, *names("page", 40)[-7:]]
    assert bench.counter("discarded:dead_overflow") == 33
    assert bench.counter("discarded:dead_overflow_revenue") == 0
    check(bench)


@pytest.mark.parametrize(
    ("worth", "reason"),
    [(Worth.NOTHING, "no_identity"), (Worth.LOST_REVENUE, "missing_device_id")],
)
def test_parked_sales_stay_whatever_can_never_be_delivered(worth: Worth, reason: str) -> None:
    bench = bench_of(dead_max_count=20)
    sales = names("sale", 15)
    bury(bench, sales, Worth.REVENUE, "ambiguous")
    bury(bench, names("flood", 100), worth, reason)
    assert dead(bench)[:15] == sales
    assert bench.counter("discarded:dead_overflow") == 95
    check(bench)


def test_the_least_goes_first_and_the_oldest_of_equals() -> None:
    bench = bench_of(dead_max_count=8)
    for round_number in range(2):
        for worth in reversed(Worth):
            bury(bench, [f"{worth.name}-{round_number}"], worth)
    left = dead(bench)
    gone = []
    for number in range(8):
        bury(bench, [f"sale-{number}"], Worth.REVENUE)
        gone += [event_id for event_id in left if event_id not in dead(bench)]
        left = [event_id for event_id in left if event_id in dead(bench)]
    assert gone == [f"{worth.name}-{number}" for worth in Worth for number in range(2)]
    check(bench)


def test_what_is_worth_least_may_be_what_was_just_buried() -> None:
    bench = bench_of(dead_max_count=2)
    bury(bench, ["one", "two"], Worth.REVENUE)
    bury(bench, ["page"], Worth.NOTHING)
    assert dead(bench) == ["one", "two"]
    assert bench.place("page") == "finished"
    check(bench)


def test_dead_letters_of_unknown_worth_count_as_revenue() -> None:
    bench = bench_of(dead_max_count=2)
    bench.accept("poison")
    for _ in range(4):
        bench.claim(1)
        bench.wait(61)
    assert bench.record("poison").reason == "poison"
    bury(bench, ["unknown"], None)
    bury(bench, ["page"], Worth.NO_REVENUE)
    assert set(dead(bench)) == {"poison", "unknown"}
    check(bench)


def test_the_bound_counts_bytes_and_holds_in_the_step_that_buries() -> None:
    bench = bench_of(dead_max_bytes=65_536)
    bench.journal.accept([("big", b" " * 60_000)])
    (event,) = bench.claim(1)
    bury(bench, names("page", 20), Worth.NOTHING)
    before = bench.journal.snapshot().dead_bytes
    assert 0 < before < 65_536 - 60_000
    bench.finish_one(event, REJECTED, worth=Worth.REVENUE)
    assert bench.journal.snapshot().dead_bytes <= 65_536
    assert dead(bench) == [*names("page", 20), "big"]
    bury(bench, names("more", 15), Worth.NO_REVENUE)
    assert bench.journal.snapshot().dead_bytes <= 65_536
    assert 0 < bench.counter("discarded:dead_overflow") <= 20
    assert {"big", *names("more", 15)} <= set(dead(bench))
    check(bench)


def test_a_step_removes_few_more_letters_than_it_buries_and_the_ticks_the_rest() -> None:
    bench = bench_of(dead_max_bytes=65_536)
    bury(bench, names("page", 400), Worth.NOTHING)
    number = len(dead(bench))
    bench.journal.accept([("big", b" " * 64_000)])
    (event,) = bench.claim(1)
    bench.finish_one(event, REJECTED, worth=Worth.REVENUE)
    assert number - len(dead(bench)) == 8
    assert bench.journal.snapshot().dead_bytes > 65_536
    while bench.journal.snapshot().dead_bytes > 65_536:
        before = len(dead(bench))
        bench.journal.tick("worker", 4, [])
        assert before - len(dead(bench)) <= 50
    assert "big" in dead(bench)
    check(bench)


def test_a_record_that_grows_after_its_death_is_weighed_again() -> None:
    bench = bench_of()
    bench.accept("late")
    (first,) = bench.claim(1)
    bench.wait(61)
    (second,) = bench.claim(1)
    bench.finish_one(second, REJECTED, worth=Worth.REVENUE)
    before = bench.journal.snapshot().dead_bytes
    assert bench.finish_one(first, ACCEPTED, accepted={0: "sale"}) is Finished.LOST
    assert bench.journal.snapshot().dead_bytes > before
    check(bench)


@pytest.mark.parametrize(
    ("settings", "wait_seconds", "reason", "level"),
    [
        ({"dead_max_count": 1}, 0, "dead_overflow", "warning"),
        ({"dead_max_age_seconds": DAY_SECONDS}, DAY_SECONDS, "dead_expired", "warning"),
        ({"dead_max_count": 1}, 0, "dead_overflow_revenue", "error"),
        ({"dead_max_age_seconds": DAY_SECONDS}, DAY_SECONDS, "dead_expired_revenue", "error"),
    ],
)
def test_what_a_bound_removes_is_one_line_and_revenue_is_an_error(
    settings: dict[str, int], wait_seconds: int, reason: str, level: str
) -> None:
    bench = bench_of(**settings)
    worth = Worth.REVENUE if level == "error" else Worth.NO_REVENUE
    bench.accept("one", "two", "three")
    with structlog.testing.capture_logs() as logs:
        bench.finish([bench.finish_of(event, REJECTED, worth=worth) for event in bench.claim()])
        bench.wait(wait_seconds)
        bench.journal.tick("worker", 4, [])
    (line,) = logs
    assert (line["action"], line["reason"], line["log_level"]) == (
        "dead_letters_removed",
        reason,
        level,
    )
    assert line["number"] == len(line["ids"]) == bench.counter(f"discarded:{reason}")
    removed_ms = bench.journal.snapshot().latest.revenue_removed_ms
    assert removed_ms == (bench.now_ms if level == "error" else None)
    check(bench)


def test_a_choice_is_of_one_death_and_not_of_the_next() -> None:
    bench = bench_of()
    bury(bench, ["again", "still"], Worth.NO_REVENUE, "missing_device_id")
    chosen = deaths_of(bench.journal, "again", "still", "never")
    assert bench.journal.redrive(chosen[:1]) == (True,)
    (event,) = bench.claim(1)
    bench.finish_one(event, REJECTED)
    assert sum(bench.journal.discard(chosen, "operator")) == 1
    assert dead(bench) == ["again"]
    assert bench.journal.redrive(chosen) == (False, False, False)
    assert bench.journal.redrive(deaths_of(bench.journal, "again")) == (True,)
    check(bench)


def test_sets_of_finished_ids_have_no_expiry_and_go_with_a_tick_once_they_are_over() -> None:
    bench = bench_of(dedupe_seconds=60)
    keys: set[bytes] = set()
    for _ in range(4):
        bench.deliver(ACCEPTED)
        keys |= set(bench.journal._redis.keys("*done:*"))
        bench.wait(60)
    assert len(keys) == 4
    assert {bench.journal._redis.pttl(key) for key in bench.journal._redis.keys("*done:*")} == {-1}
    assert bench.journal.accept([("event-3", b"{}")]) == (False,)
    bench.wait(120)
    bench.journal.tick("worker", 4, [])
    assert bench.journal._redis.keys("*done:*") == []
    assert bench.journal._redis.zcard("{convertro}:generations") == 0
    assert bench.journal.accept([("event-3", b"{}")]) == (True,)
