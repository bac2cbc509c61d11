"""A deliver task without work waits for a while, and the bell wakes it."""

from collections.abc import Callable
from dataclasses import dataclass

import fakeredis
import pytest

from config.settings import Settings
from tests.support.wakeups import WAKEUP_LIST, leave_a_wakeup, wakeups_of_accept
from worker.journal.journal import Journal
from worker.journal.records import Claim, ClaimState, TaskState


@pytest.fixture
def redis() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(server=fakeredis.FakeServer())


@dataclass
class Clock:
    """A clock that only the test moves."""

    now_ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal_of_workers(redis: fakeredis.FakeRedis, clock: Clock) -> Callable[[int], Journal]:
    """A journal whose workers can run a number of deliver tasks, one of which runs."""

    def make(capacity: int) -> Journal:
        journal = Journal(redis, Settings(), clock=clock, shebang=False)
        leave_a_wakeup(journal)
        journal.tick("worker@host/1", capacity, [])
        assert wakeups_of_accept(journal, [("first", b"{}")]) == 1
        return journal

    return make


def claim(journal: Journal, task: TaskState = TaskState.LINGERING) -> Claim:
    """Claim what is due as the task that the first event woke."""
    return journal.claim(token_of(journal), "lease", 10, task=task)


def token_of(journal: Journal) -> str:
    token: bytes = journal._redis.lindex(WAKEUP_LIST, -1)
    return token.decode()


def bell_rings(redis: fakeredis.FakeRedis) -> int:
    return int(redis.llen("{convertro}:bell"))


def test_a_task_that_lingers_keeps_its_token(
    journal_of_workers: Callable[[int], Journal],
) -> None:
    journal = journal_of_workers(2)
    assert len(claim(journal).events) == 1
    assert claim(journal).state is ClaimState.CLAIMED
    assert journal.snapshot().wakeups == 1


def test_the_last_free_task_does_not_linger(
    journal_of_workers: Callable[[int], Journal],
) -> None:
    journal = journal_of_workers(1)
    claim(journal)
    assert claim(journal).state is ClaimState.IDLE
    assert journal.snapshot().wakeups == 0


def test_a_task_that_does_not_linger_gives_its_token_back(
    journal_of_workers: Callable[[int], Journal],
) -> None:
    journal = journal_of_workers(2)
    claim(journal)
    assert claim(journal, TaskState.ENDING).state is ClaimState.IDLE


def test_an_accept_rings_the_bell_once_while_a_task_runs(
    journal_of_workers: Callable[[int], Journal], redis: fakeredis.FakeRedis
) -> None:
    journal = journal_of_workers(2)
    claim(journal)
    assert bell_rings(redis) == 0
    for number in range(3):
        assert wakeups_of_accept(journal, [(f"event-{number}", b"{}")]) == 0
    assert bell_rings(redis) == 1
    journal.wait(1)
    assert bell_rings(redis) == 0


def test_without_a_task_that_runs_a_message_is_sent_instead(
    journal_of_workers: Callable[[int], Journal], redis: fakeredis.FakeRedis
) -> None:
    journal = journal_of_workers(2)
    claim(journal)
    claim(journal, TaskState.ENDING)
    assert wakeups_of_accept(journal, [("event", b"{}")]) == 1
    assert bell_rings(redis) == 0


def test_the_ticker_rings_the_bell_for_what_has_become_due(
    journal_of_workers: Callable[[int], Journal], redis: fakeredis.FakeRedis, clock: Clock
) -> None:
    journal = journal_of_workers(2)
    claim(journal)
    journal.tick("worker@host/1", 2, [])
    assert bell_rings(redis) == 0
    clock.now_ms += 60_000  # the lease is over
    journal.tick("worker@host/1", 2, [])
    journal.claim(token_of(journal), "lease", 0, task=TaskState.BUSY)
    journal.tick("worker@host/1", 2, [])
    assert bell_rings(redis) == 1


def test_the_token_of_a_killed_task_that_lingered_soon_counts_no_more(
    journal_of_workers: Callable[[int], Journal], clock: Clock
) -> None:
    journal = journal_of_workers(2)
    claim(journal)
    claim(journal)
    clock.now_ms += 2_000
    assert wakeups_of_accept(journal, [("event", b"{}")]) == 1
