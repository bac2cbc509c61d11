"""The journal's state machine again, on a real server, with the scripts' flags."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis import Redis

from config.settings import Settings
from convertro.errors import JournalUnavailable
from convertro.scripts import LUA as INTAKE_LUA
from tests.support.letters import deaths_of
from tests.support.machines.holding import SETTINGS as HOLDING_SETTINGS
from tests.support.machines.holding import HoldingMachine
from tests.support.machines.journal import DEDUPE_MS, SETTINGS, JournalMachine
from tests.support.memory import used_to
from tests.support.wakeups import WAKEUP_LIST, leave_a_wakeup, wakeups_of_accept
from worker.journal.journal import LUA, Journal
from worker.journal.records import Finish, Finished, Move


@pytest.mark.parametrize(
    ("machine", "its_settings"),
    [(JournalMachine, SETTINGS), (HoldingMachine, HOLDING_SETTINGS)],
    ids=["journal", "holding"],
)
def test_arbitrary_interleavings_keep_every_invariant(
    redis: Redis, machine: type[RuleBasedStateMachine], its_settings: Settings
) -> None:
    class RealServerMachine(machine):  # type: ignore[misc, valid-type]  # either of the two
        def make_journal(self) -> Journal:
            redis.flushdb()
            return Journal(redis, its_settings, clock=self.clock)

    run_state_machine_as_test(
        RealServerMachine,
        settings=settings(
            max_examples=int(os.environ.get("MACHINE_EXAMPLES", "60")),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_time_is_the_servers_own(redis: Redis) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    journal.accept([("event-1", b"{}")])
    seconds, microseconds = redis.time()
    accepted_at_ms = journal.look("event-1").at_ms
    assert accepted_at_ms is not None
    assert 0 <= seconds * 1000 + microseconds // 1000 - accepted_at_ms < 60_000


def test_each_script_asks_for_its_rights_with_whole_commands(redis: Redis) -> None:
    """Redis 8 answers with an error where an argument is missing; others do not mind."""
    journal, commands = Journal(redis, SETTINGS), redis.command()
    for script in (path for folder in (INTAKE_LUA, LUA) for path in folder.glob("*.lua")):
        if not script.read_text().startswith("-- parts:"):
            continue
        questions = re.findall(r"may\((.*?)\)", journal._scripts._script(script.stem).source)
        assert questions
        for parts in (question.split(", ") for question in questions):
            arity = commands[parts[0].strip("'").lower()]["arity"]
            assert len(parts) == arity or len(parts) >= -arity > 0, (script.stem, parts)


def test_a_wiped_script_cache_does_no_harm(redis: Redis) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    journal.accept([("event-1", b"{}")])
    redis.script_flush()
    assert journal.accept([("event-1", b"{}"), ("event-2", b"{}")]) == (False, True)


def test_a_full_redis_refuses_events_but_lets_workers_finish_them(redis: Redis) -> None:
    """Accepted events can be delivered, which frees memory; nothing is half-written."""
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    journal.tick("worker", 1, [])
    journal.accept([("event-1", b"{}"), ("event-2", b"{}")])
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(JournalUnavailable, match=r"OOM|maxmemory"):
            journal.accept([("event-3", b"{}")])
        claim = journal.claim("token", "lease", 10)
        first, second = claim.events
        journal.finish(
            [
                Finish(event_id=first.event_id, lease=first.lease, move=Move.DELIVERED),
                Finish(
                    event_id=second.event_id, lease=second.lease, move=Move.DEAD, reason="rejected"
                ),
            ]
        )
        journal.discard(deaths_of(journal, second.event_id), "operator")
    finally:
        redis.config_set("maxmemory", 0)
    snapshot = journal.snapshot()
    assert snapshot.counters["accepted"] == 2
    assert (snapshot.stored, snapshot.unaccounted) == (0, 0)
    assert not list(journal.inspect())


@contextmanager
def nearly_full(redis: Redis, journal: Journal) -> Iterator[None]:
    """Make Redis use more than nine tenths of its memory during the block."""
    journal.accept([("first", b"{}")])  # because loading the script takes memory too
    with used_to(0.93, redis):
        yield


def test_intake_leaves_the_last_tenth_of_the_memory_to_the_workers(redis: Redis) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    with nearly_full(redis, journal):
        for rows in ([("event-1", b"{}"), ("event-2", b"{}")], [("event-3", b"{}")]):
            with pytest.raises(JournalUnavailable, match="nine tenths"):
                journal.accept(rows)
        redis.lpush("convertro", "a wake-up")
    assert journal.snapshot().counters == {"accepted": 1}
    assert journal.accept([("event-1", b"{}")]) == (True,)


def test_single_accepts_soon_notice_that_redis_is_full_and_then_all_are_refused(
    redis: Redis,
) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)

    def accept_many(numbers: range) -> None:
        for number in numbers:
            journal.accept([(f"event-{number}", b"{}")])

    with nearly_full(redis, journal):
        with pytest.raises(JournalUnavailable, match="nine tenths"):
            accept_many(range(2000))  # one accept in 64 checks the memory
        for number in range(2000, 2100):
            with pytest.raises(JournalUnavailable, match="nine tenths"):
                accept_many(range(number, number + 1))
    assert journal.accept([("after", b"{}")]) == (True,)
    assert journal.snapshot().unaccounted == 0


def test_a_clock_that_was_set_back_does_not_keep_clients_from_ringing(redis: Redis) -> None:
    redis.flushdb()
    now_ms = 1_800_000_000_000
    journal = Journal(redis, SETTINGS, clock=lambda: now_ms)
    leave_a_wakeup(journal)
    journal.tick("worker", 1, [])
    assert wakeups_of_accept(journal, [("event-1", b"{}")]) == 1
    now_ms -= 3_600_000
    journal.tick("worker", 1, [])
    assert wakeups_of_accept(journal, [("event-2", b"{}")]) == 1


def test_a_late_finish_of_an_earlier_event_with_the_same_id_is_ignored(redis: Redis) -> None:
    redis.flushdb()
    now_ms = 1_800_000_000_000
    journal = Journal(redis, SETTINGS, clock=lambda: now_ms)
    journal.tick("worker", 1, [])
    journal.accept([("event-1", b"{}")])
    (event,) = journal.claim("token", "lease-1", 1).events
    word = Finish(
        event_id="event-1",
        lease="lease-1",
        move=Move.DELIVERED,
        accepted_at_ms=event.record.accepted_at_ms,
        accepted={0: "sale"},
    )
    journal.finish([word])
    now_ms += 3 * DEDUPE_MS
    journal.tick("worker", 1, [])
    journal.accept([("event-1", b"{}")])
    journal.claim("token", "lease-2", 1)
    assert journal.finish([word]) == (Finished.GONE,)
    record = journal.look("event-1").record
    assert record is not None
    assert record.accepted == ()


def test_the_audit_names_what_is_wrong(redis: Redis) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    journal.tick("worker", 1, [])
    journal.accept([(f"event-{number}", b"{}") for number in range(4)])
    redis.zadd("{convertro}:dead", {"event-0": 1})
    redis.hdel("{convertro}:events", "event-1")
    redis.zrem("{convertro}:due", "event-2")
    redis.hset("{convertro}:progress", "event-4", b'{"accepted_at": 1}')
    assert dict(journal.inspect()) == {
        "event-0": "both due and dead",
        "event-1": "its event is missing",
        "event-2": "neither due nor dead",
        "event-4": "a record without an event",
    }
    assert journal.snapshot().unaccounted == 4 - 3 - 1


def test_a_waiting_event_costs_little_more_than_its_own_bytes(redis: Redis) -> None:
    """At most one and a half times its size and 250 bytes."""
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    raw = b'{"type":"track","properties":"' + b"x" * 1000 + b'"}'
    number = 2000
    before = redis.info("memory")["used_memory"]
    journal.accept([(f"ajs-next-{index:024d}", raw) for index in range(number)])
    used = (redis.info("memory")["used_memory"] - before) / number
    assert used < 1.5 * len(raw) + 250


def test_the_last_task_to_end_removes_the_bell_so_that_the_next_event_sends_a_wakeup(
    redis: Redis,
) -> None:
    redis.flushdb()
    journal = Journal(redis, SETTINGS)
    leave_a_wakeup(journal)
    journal.tick("worker@host/1", 1, [])
    assert wakeups_of_accept(journal, [("first", b"{}")]) == 1
    token = redis.lindex(WAKEUP_LIST, -1).decode()  # type: ignore[union-attr]  # it is there
    for number in range(100):
        assert wakeups_of_accept(journal, [(f"event-{number}", b"{}")]) == 0
    assert redis.exists("{convertro}:bell")
    while events := journal.claim(token, "lease", 50).events:
        journal.finish(
            [Finish(event_id=e.event_id, lease=e.lease, move=Move.DELIVERED) for e in events]
        )
    assert not redis.exists("{convertro}:bell")
    assert wakeups_of_accept(journal, [("next", b"{}")]) == 1


def test_a_prefix_may_contain_quotes_and_backslashes(redis: Redis) -> None:
    redis.flushdb()
    prefix = "{it's \\ odd é}:"
    journal = Journal(redis, Settings(key_prefix=prefix))
    journal.tick("worker@host/1", 2, [])
    assert journal.accept([("event", b"{}"), ("event", b"{}")]) == (True, False)
    keys = [key.decode() for key in redis.scan_iter()]
    assert keys
    assert all(key.startswith(prefix) for key in keys)
    assert journal.snapshot().due_now == 1
