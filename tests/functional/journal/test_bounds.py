"""The bounds on dead letters, and how memory is freed, on a real server."""

import pytest
from redis import Redis
from redis.exceptions import DataError, ResponseError

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.records import Finish, Move, Worth

#: The number of events that one worker process has in flight.
BATCH = 32

SETTINGS = Settings(breaker_min_count=10_000, dead_max_count=10_000)


@pytest.fixture
def journal(redis: Redis) -> Journal:
    redis.flushdb()
    return Journal(redis, SETTINGS)


def bury(journal: Journal, prefix: str, number: int, reason: str, worth: Worth) -> None:
    for start in range(0, number, BATCH):
        ids = [f"{prefix}-{index}" for index in range(start, min(start + BATCH, number))]
        journal.accept([(event_id, b"{}") for event_id in ids])
        finish(journal, Move.DEAD, reason=reason, worth=worth)


def finish(journal: Journal, move: Move, **fields: object) -> None:
    """Claim all due events and finish each in the same way."""
    journal.tick("worker", 1, [])
    claim = journal.claim("token", "lease", BATCH)
    journal.finish(
        [
            Finish(event_id=event.event_id, lease="lease", move=move, **fields)  # type: ignore[arg-type]  # by keyword
            for event in claim.events
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "worth"),
    [("no_identity", Worth.NOTHING), ("missing_device_id", Worth.LOST_REVENUE)],
)
def test_a_hundred_thousand_undeliverable_events_push_out_no_parked_sale(
    journal: Journal, reason: str, worth: Worth
) -> None:
    bury(journal, "sale", 15, "ambiguous", Worth.REVENUE)
    bury(journal, "flood", 100_000, reason, worth)
    snapshot = journal.snapshot()
    assert (snapshot.dead, snapshot.unaccounted) == (10_000, 0)
    assert snapshot.dead_by_reason == {reason: 9_985, "ambiguous": 15}
    assert snapshot.counters["discarded:dead_overflow"] == 90_015
    assert not list(journal.inspect())


def test_finished_ids_are_unlinked_and_never_expire(redis: Redis) -> None:
    """An expiry would free a million ids on the thread that answers all clients."""
    redis.flushdb()
    now_ms = 1_800_000_000_000
    journal = Journal(redis, SETTINGS, clock=lambda: now_ms)
    journal.accept([(f"event-{number}", b"{}") for number in range(BATCH)])
    finish(journal, Move.DELIVERED)
    (key,) = redis.keys("*done:*")
    assert redis.scard(key) == BATCH
    assert redis.pttl(key) == -1
    now_ms += 2 * SETTINGS.dedupe_seconds * 1000
    redis.config_resetstat()
    journal.tick("worker", 1, [])
    assert not redis.exists(key)
    stats = redis.info("commandstats")
    assert stats["cmdstat_unlink"]["calls"] == 2, "the ids, and how they finished"
    assert "cmdstat_del" not in stats


def test_a_fault_of_ours_is_not_reported_as_an_outage(journal: Journal, redis: Redis) -> None:
    with pytest.raises(ResponseError, match="wrong number of arguments"):
        journal._call(redis.hmget, "key", [])
    with pytest.raises(ResponseError, match="user_script"):
        journal._run("discard", {})
    with pytest.raises(DataError):
        journal._call(redis.set, "key", None)


def test_an_error_about_redis_own_state_is_reported_as_an_outage(
    journal: Journal, redis: Redis
) -> None:
    redis.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(JournalUnavailable, match="ReadOnlyError"):
            journal.accept([("event", b"{}")])
    finally:
        redis.replicaof("NO", "ONE")
    redis.set("{convertro}:events", "no hash")
    with pytest.raises(JournalUnavailable, match="WRONGTYPE"):
        journal.accept([("event", b"{}")])
