"""Durations by bucket, and recent counts."""

from math import inf

import fakeredis
import pytest

from config.settings import Settings
from worker.journal.histogram import BOUNDS_MS, Histogram
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Finish, Move
from worker.journal.snapshot import DELIVERED_IN, REQUEST_TOOK, Recent


def test_the_scripts_count_in_the_same_buckets() -> None:
    """For each bound, one event at it and one a millisecond beyond it."""
    now_ms = 1_800_000_000_000
    journal = Journal(
        fakeredis.FakeRedis(server=fakeredis.FakeServer()),
        Settings(),
        clock=lambda: now_ms,
        shebang=False,
    )
    finite = [int(bound) for bound in BOUNDS_MS if bound < inf]
    for duration_ms in (*finite, *(bound + 1 for bound in finite)):
        event_id = f"event-{duration_ms}"
        journal.accept([(event_id, b"{}")])
        now_ms += duration_ms
        journal.tick("worker", 10, [])
        (event,) = journal.claim("wakeup", event_id, 1).events
        attempt = Attempt(
            at_ms=now_ms,
            call="sale",
            outcome_class="accepted",
            detail="accepted",
            took_ms=duration_ms,
        )
        journal.finish(
            [Finish(event_id=event_id, lease=event.lease, move=Move.DELIVERED, attempts=(attempt,))]
        )
    expected = (1,) + (2,) * (len(finite) - 1) + (1,)
    for name in (DELIVERED_IN, REQUEST_TOOK):
        histogram = journal.snapshot().histograms[name]
        assert histogram.numbers == expected
        assert histogram.sum_ms == 2 * sum(finite) + len(finite)
    assert set(journal.snapshot().counters) == {"accepted", "delivered", "attempts:accepted"}


def test_quantiles_are_estimated_within_their_bucket() -> None:
    assert Histogram().quantile_ms(0.5) is None
    # 10 of up to 5 ms, 10 of more than 5 and up to 10 ms.
    histogram = Histogram((10, 10, *(0,) * 17))
    assert histogram.quantile_ms(0.25) == pytest.approx(2.5)
    assert histogram.quantile_ms(0.5) == pytest.approx(5)
    assert histogram.quantile_ms(0.75) == pytest.approx(7.5)
    assert Histogram((*(0,) * 18, 1)).quantile_ms(0.5) == inf


def test_rates_cover_whole_slots_and_the_one_under_way() -> None:
    # 4 s into slot 100: one minute is the six slots before it, and these 4 s.
    slots = {100: {"skipped:a": 4}, 99: {"skipped:b": 10, "accepted": 7}, 94: {"skipped:a": 50}}
    recent = Recent(1_004_000, {**slots, 93: {"skipped:a": 1_000}})
    assert recent.per_second(("skipped",), 60) == pytest.approx(64 / 64)
    assert recent.per_second(("skipped", "accepted"), 60) == pytest.approx(71 / 64)
    assert recent.counters(60) == {"skipped:a": 54, "skipped:b": 10, "accepted": 7}


def test_what_was_counted_lately_is_forgotten_after_a_quarter_of_an_hour() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)

    def lately(seconds: int = 900) -> dict[str, int]:
        return journal.snapshot(recent=True).recent.counters(seconds)

    journal.accept([("event", b"{}")])
    assert lately() == lately(10) == {"accepted": 1}
    now_ms += 60_000
    assert lately() == {"accepted": 1}
    assert lately(50) == {}
    journal.accept([("event", b"{}"), ("another", b"{}"), ("third", b"{}")])
    assert lately() == {"accepted": 3, "duplicate": 1}
    assert lately(50) == {"accepted": 2, "duplicate": 1}
    (key,) = redis.scan_iter("*recent:*")
    assert 900_000 < redis.pttl(key) <= 920_000
    now_ms += 910_000
    assert lately() == {}
    assert journal.snapshot().counters == {"accepted": 3, "duplicate": 1}


def test_after_a_clock_was_set_back_its_times_are_counted_anew() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    journal.accept([("event", b"{}")])
    now_ms -= 120_000
    journal.accept([("another", b"{}"), ("third", b"{}")])
    assert journal.snapshot(recent=True).recent.counters(900) == {"accepted": 2}
    assert journal.snapshot().counters == {"accepted": 3}
