"""The settings that workers of a journal agree on and publish, and clients follow."""

import fakeredis
import pytest

from config.settings import Settings
from convertro import intake_journal
from convertro.connection import connect
from convertro.errors import JournalUnavailable
from convertro.intake import Intake
from convertro.intake_journal import FORMAT, WAKEUP_TOKEN, IntakeJournal
from tests.support.events import mobile_track
from tests.support.wakeups import WAKEUP_LIST, leave_a_wakeup
from worker.journal.journal import Disagreement, Journal
from worker.journal.records import Finish, Move
from worker.process.agreement import join, sentence_of
from worker.reasons import DeathReason, DiscardReason

SHARED = "{convertro}:shared"
NEWER = str(FORMAT + 1)


@pytest.fixture
def redis() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(server=fakeredis.FakeServer())


def journal_of(redis: fakeredis.FakeRedis, **settings: object) -> Journal:
    return Journal(redis, Settings(**settings), shebang=False)


def client_of(redis: fakeredis.FakeRedis) -> IntakeJournal:
    return IntakeJournal(redis, key_prefix="{convertro}:", constants={}, shebang=False)


def test_the_first_worker_decides_and_one_that_disagrees_names_both_values(
    redis: fakeredis.FakeRedis,
) -> None:
    first = journal_of(redis)
    first.agree("first")
    first.tick("first", 2, [])
    settings = Settings(dedupe_seconds=3600, queue="other")
    with pytest.raises(Disagreement) as caught:
        Journal(redis, settings, shebang=False).agree("second")
    assert caught.value.theirs == {"dedupe": "86400000", "queue": "convertro"}
    sentence = sentence_of(caught.value, settings)
    assert "it has CONVERTRO_DEDUPE_SECONDS=86400, this one 3600" in sentence
    assert "it has CONVERTRO_QUEUE=convertro, this one other" in sentence
    assert redis.hget(SHARED, "dedupe") == b"86400000"
    journal_of(redis, concurrency=7).agree("third")  # this need not be the same
    assert redis.hget(SHARED, "batch") == b"7"


def test_with_no_other_worker_alive_the_next_one_decides(redis: fakeredis.FakeRedis) -> None:
    first = journal_of(redis)
    leave_a_wakeup(first)
    first.tick("first", 2, [])
    first.leave("first", 2)
    journal_of(redis, dedupe_seconds=3600, queue="other").agree("second")
    assert redis.hmget(SHARED, "dedupe", "queue") == [b"3600000", b"other"]
    assert redis.hmget(SHARED, "list", "wakeup") == [None, None], "they were of another queue"


def test_a_worker_waits_for_one_that_was_killed_to_count_no_longer(
    redis: fakeredis.FakeRedis,
) -> None:
    now_ms = 1_800_000_000_000
    first = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    first.agree("killed")
    first.tick("killed", 2, [])

    def pause(seconds: float) -> None:
        nonlocal now_ms
        now_ms += int(seconds * 1000)

    settings = Settings(queue="other")
    second = Journal(redis, settings, clock=lambda: now_ms, shebang=False)
    assert join(second, "second", settings, now=lambda: now_ms / 1000, pause=pause) is None
    assert redis.hget(SHARED, "queue") == b"other"


def test_two_that_start_at_the_same_time_find_out_at_their_first_tick(
    redis: fakeredis.FakeRedis,
) -> None:
    one, other = journal_of(redis), journal_of(redis, dedupe_seconds=3600)
    one.agree("one")
    other.agree("other")
    other.tick("other", 2, [])
    with pytest.raises(Disagreement):
        one.tick("one", 2, [])
    assert redis.zcard("{convertro}:workers") == 1


def test_workers_write_their_settings_again_into_an_emptied_redis(
    redis: fakeredis.FakeRedis,
) -> None:
    journal = journal_of(redis)
    journal.agree("worker")
    redis.flushall()
    journal.tick("worker", 2, [])
    assert redis.hget(SHARED, "format") == str(FORMAT).encode()


def test_a_journal_of_a_newer_format_is_not_touched(redis: fakeredis.FakeRedis) -> None:
    redis.hset(SHARED, "format", NEWER)
    with pytest.raises(Disagreement) as caught:
        journal_of(redis).agree("worker")
    assert f"the journal is of format {NEWER}" in sentence_of(caught.value, Settings())
    assert redis.hgetall(SHARED) == {b"format": NEWER.encode()}


def test_a_client_whose_format_is_not_served_says_so(
    redis: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal_of(redis).agree("worker")
    monkeypatch.setattr(intake_journal, "FORMAT", FORMAT + 1)
    with pytest.raises(JournalUnavailable, match=f"serve clients of format .* of format {NEWER}"):
        Intake(client_of(redis)).enqueue(mobile_track())
    assert redis.hlen("{convertro}:events") == 0


@pytest.mark.parametrize("durability", ["memory", "fsync"])
def test_a_redis_that_is_too_old_is_said_to_be(redis: fakeredis.FakeRedis, durability: str) -> None:
    """As before 7.0, fakeredis takes the flags with which scripts begin for a part of them."""
    journal = Journal(redis, Settings(durability=durability))
    with pytest.raises(JournalUnavailable, match="too old: use Redis or Valkey 7"):
        Intake(journal).enqueue(mobile_track())
    with pytest.raises(JournalUnavailable, match="too old"):
        journal.snapshot()


def test_what_operators_do_heeds_the_dedupe_window_that_workers_say(
    redis: fakeredis.FakeRedis,
) -> None:
    """The operator's environment has another window, or none."""
    now_ms = 1_800_000_000_000

    def journal(**settings: object) -> Journal:
        return Journal(redis, Settings(**settings), clock=lambda: now_ms, shebang=False)

    worker, operator = journal(dedupe_seconds=60), journal()
    worker.agree("worker")
    worker.tick("worker", 2, [])
    worker.accept([("finished", b"{}"), ("dead", b"{}")])
    claimed = {event.event_id: event for event in worker.claim("t", "l", 2).events}
    moves = {"finished": Move.DELIVERED, "dead": Move.DEAD}
    worker.finish(
        [
            Finish(
                event_id=name,
                lease="l",
                move=move,
                reason=DeathReason.REJECTED if move is Move.DEAD else None,
                accepted_at_ms=claimed[name].record.accepted_at_ms,
            )
            for name, move in moves.items()
        ]
    )
    assert operator.look("finished").place == "finished"
    assert operator.snapshot().remembered == 1
    assert operator.snapshot().dedupe_seconds == 60
    (letter,) = operator.dead_letters()
    assert operator.discard([(letter.event_id, letter.died_at_ms)], DiscardReason.OPERATOR) == (
        True,
    )
    assert worker.accept([("dead", b"{}")]) == (False,), "workers and clients remember it too"
    generations = redis.zrange("{convertro}:generations", 0, -1, withscores=True)
    assert generations == [
        (f"{{convertro}}:{kind}:{now_ms // 60_000}".encode(), now_ms + 120_000)
        for kind in ("done", "endings")
    ]


def test_a_client_heeds_the_dedupe_window_that_workers_say(redis: fakeredis.FakeRedis) -> None:
    now_ms = 1_800_000_000_000
    worker = Journal(redis, Settings(dedupe_seconds=60), clock=lambda: now_ms, shebang=False)
    client = IntakeJournal(
        redis,
        key_prefix="{convertro}:",
        constants={},
        clock=lambda: now_ms,
        shebang=False,
    )
    assert client.accept([("event", b"{}")]) == (True,), "no worker ever came"
    worker.agree("worker")
    worker.tick("worker", 2, [])
    (event,) = worker.claim("task", "lease", 1).events
    worker.finish(
        [
            Finish(
                event_id="event",
                lease=event.lease,
                move=Move.DELIVERED,
                accepted_at_ms=event.record.accepted_at_ms,
            )
        ]
    )
    assert client.accept([("event", b"{}")]) == (False,)
    now_ms += 120_000
    assert client.accept([("event", b"{}")]) == (True,)


def test_a_client_puts_the_wakeup_that_a_worker_left_into_the_list(
    redis: fakeredis.FakeRedis,
) -> None:
    worker = journal_of(redis)
    worker.agree("worker")
    worker.tick("worker", 2, [])
    worker.leave_wakeup(WAKEUP_LIST, b'{"id":"' + WAKEUP_TOKEN + b'"}')
    client_of(redis).accept([("event", b"{}")], offered=1)
    (token,) = redis.zrange("{convertro}:wakeups", 0, -1)
    assert redis.lrange(WAKEUP_LIST, 0, -1) == [b'{"id":"' + token + b'"}']


def test_without_a_wakeup_to_send_none_is_sent_or_counted(
    redis: fakeredis.FakeRedis,
) -> None:
    worker = journal_of(redis)
    worker.agree("worker")
    worker.tick("worker", 2, [])
    worker.leave_wakeup(WAKEUP_LIST, WAKEUP_TOKEN)
    worker.forget_wakeup()
    client_of(redis).accept([("event", b"{}")], offered=1)
    assert redis.zcard("{convertro}:wakeups") == 0
    assert worker.tick("worker", 2, ["token"]) == ["token"], "the ticker wakes it"


def test_a_wakeup_that_cannot_be_put_is_taken_back(redis: fakeredis.FakeRedis) -> None:
    worker = journal_of(redis)
    leave_a_wakeup(worker)
    worker.tick("worker", 2, [])
    redis.set(WAKEUP_LIST, "no list")
    assert client_of(redis).accept([("event", b"{}")], offered=1) == (True,)
    assert redis.zcard("{convertro}:wakeups") == 0
    assert worker.tick("worker", 2, ["token"]) == ["token"]


def test_a_redis_that_is_away_when_a_worker_starts_says_nothing() -> None:
    nobody = Journal(connect("redis://127.0.0.1:1/0", 0.1), Settings())
    assert join(nobody, "worker", Settings()) is None
