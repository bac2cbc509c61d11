"""The worker's signs of life and the wake-ups that it sends, with working and failing brokers."""

from collections.abc import Iterator

import fakeredis
import pytest
import structlog
from celery import Celery

from config.settings import DEFAULT_QUEUE, Settings
from worker.journal.journal import Journal
from worker.journal.records import Finish, Move, Worth
from worker.process.foreign_messages import ForeignMessages
from worker.process.outage import Outage
from worker.process.ticker import Ticker
from worker.process.wakeups import MUTED_SECONDS, Wakeups
from worker.task_names import DELIVER

SETTINGS = Settings(concurrency=2, dead_max_count=1)


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def journal(server: fakeredis.FakeServer) -> Journal:
    return Journal(fakeredis.FakeRedis(server=server), SETTINGS, shebang=False)


@pytest.fixture
def app() -> Iterator[Celery]:
    """An application whose messages stay in this process."""
    app = Celery(broker="memory://", set_as_current=False)
    app.conf.task_default_queue = DEFAULT_QUEUE
    yield app
    app.close()


def ticker_of(journal: Journal, app: Celery, capacity: int) -> Ticker:
    return Ticker(journal, Wakeups(app), "worker-1", capacity, Outage("journal"), ForeignMessages())


def messages(app: Celery) -> list[str]:
    """The names of the tasks that were published."""
    with app.connection() as connection:
        queue = connection.SimpleQueue(DEFAULT_QUEUE)
        names = []
        while queue.qsize():
            names.append(queue.get_nowait().headers["task"])
        queue.close()
    return names


def test_a_tick_registers_the_worker_and_rings_for_what_is_due(
    journal: Journal, app: Celery
) -> None:
    journal.accept([(f"event-{number}", b"{}") for number in range(6)])
    ticker_of(journal, app, 2).tick()
    snapshot = journal.snapshot()
    assert [(worker.name, worker.capacity) for worker in snapshot.workers] == [("worker-1", 2)]
    assert snapshot.wakeups == 2
    assert messages(app) == [DELIVER, DELIVER]


def test_a_worker_that_leaves_counts_no_more(journal: Journal, app: Celery) -> None:
    ticker = ticker_of(journal, app, 2)
    ticker.tick()
    ticker.leave()
    assert journal.snapshot().workers == ()


def test_dead_letters_beyond_a_bound_that_was_lowered_are_removed_counted_and_logged(
    journal: Journal, app: Celery, server: fakeredis.FakeServer
) -> None:
    wide = Journal(fakeredis.FakeRedis(server=server), Settings(), shebang=False)
    ticker = ticker_of(journal, app, 1)
    ticker.tick()
    names = [f"event-{number:02}" for number in range(13)]
    wide.accept([(name, b"{}") for name in names])
    claimed = wide.claim("token", "lease", 20).events
    wide.finish(
        [
            Finish(
                event_id=event.event_id,
                lease="lease",
                move=Move.DEAD,
                reason="rejected",
                worth=Worth.NO_REVENUE,
            )
            for event in claimed
        ]
    )
    with structlog.testing.capture_logs() as logs:
        ticker.tick()
    (line,) = logs
    assert (line["action"], line["reason"]) == ("dead_letters_removed", "dead_overflow")
    assert (line["log_level"], line["number"], line["ids"]) == ("warning", 12, names[:10])
    snapshot = journal.snapshot()
    assert snapshot.dead == 1
    assert snapshot.counters["discarded:dead_overflow"] == 12
    assert snapshot.unaccounted == 0


def test_an_outage_of_the_journal_is_logged_once(
    journal: Journal, app: Celery, server: fakeredis.FakeServer
) -> None:
    ticker = ticker_of(journal, app, 1)
    with structlog.testing.capture_logs() as logs:
        server.connected = False
        ticker.tick()
        ticker.tick()
        server.connected = True
        ticker.tick()
    assert [line["action"] for line in logs] == ["journal_unavailable", "journal_back"]
    assert journal.snapshot().workers != ()


@pytest.mark.usefixtures("waits")
def test_after_a_failure_no_wakeup_is_published_for_a_while() -> None:
    now = 100.0
    app = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.update(task_publish_retry=False, broker_transport_options={"max_retries": 1})
    wakeups = Wakeups(app, now=lambda: now)
    assert len(wakeups.offer(3)) == 3
    with structlog.testing.capture_logs() as logs:
        wakeups.publish(wakeups.offer(3))
    assert [line["action"] for line in logs] == ["wakeup_not_published"]
    assert wakeups.offer() == []
    now += MUTED_SECONDS
    assert len(wakeups.offer()) == 1
    with structlog.testing.capture_logs() as logs:
        wakeups.publish(wakeups.offer())
    assert logs == [], "an outage is said once"
    app.close()


def test_a_silent_worker_is_reported_until_another_one_takes_its_place() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    journal.tick("celery@a/1-aa", 2, [])
    journal.tick("celery@b/1-bb", 2, [])
    now_ms += 6_000
    journal.tick("celery@b/1-bb", 2, [])
    snapshot = journal.snapshot()
    assert [worker.name for worker in snapshot.workers] == ["celery@b/1-bb"]
    assert [worker.node for worker in snapshot.silent] == ["celery@a"]
    journal.tick("celery@a/2-cc", 2, [])
    assert {worker.name for worker in journal.snapshot().workers} == {
        "celery@b/1-bb",
        "celery@a/2-cc",
    }
    assert journal.snapshot().silent == ()


def test_a_silent_worker_beside_others_is_reported_for_a_day() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    journal.tick("celery@a/1-aa", 2, [])
    for hours, told in ((0, True), (23, True), (2, False)):
        now_ms += hours * 3_600_000 + 6_000
        journal.tick("celery@b/1-bb", 2, [])
        nodes = ["celery@a"] if told else []
        assert [worker.node for worker in journal.snapshot().silent] == nodes
    assert redis.zscore("{convertro}:asked", "celery@a/1-aa") is None


def test_a_worker_takes_its_place_among_many_that_went_silent() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    for number in range(200):
        now_ms += 1
        journal.tick(f"celery@{number}/1-aa", 2, [])
    now_ms += 6_000
    journal.tick("celery@199/2-bb", 2, [])
    assert "celery@199" not in {worker.node for worker in journal.snapshot().silent}


def test_the_lease_of_silent_workers_is_that_which_workers_published() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    clock = lambda: now_ms  # noqa: E731  as short as it is
    theirs = Journal(redis, Settings(lease_seconds=600), clock=clock, shebang=False)
    theirs.tick("celery@a/1-aa", 2, [])
    now_ms += 300_000
    theirs.tick("celery@b/1-bb", 2, [])
    ours = Journal(redis, Settings(lease_seconds=60), clock=clock, shebang=False)
    assert [worker.node for worker in ours.snapshot().lately_silent] == ["celery@a"]


def test_without_a_published_lease_a_silent_worker_may_always_hold_events() -> None:
    now_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    journal.tick("celery@a/1-aa", 2, [])
    redis.hdel("{convertro}:shared", "lease")
    now_ms += 300_000
    journal.tick("celery@b/1-bb", 2, [])
    assert [worker.node for worker in journal.snapshot().lately_silent] == ["celery@a"]


def test_a_late_tick_does_not_count_as_asking_for_work() -> None:
    now_ms = began_ms = 1_800_000_000_000
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), clock=lambda: now_ms, shebang=False)
    journal.tick("celery@a/1-aa", 2, [])
    now_ms += 10_000
    journal.tick("celery@a/1-aa", 2, [])
    (worker,) = journal.snapshot().workers
    assert (worker.ticked_ms, worker.asked_ms) == (now_ms, began_ms)


def test_a_worker_that_stops_is_not_silent() -> None:
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    journal = Journal(redis, Settings(), shebang=False)
    journal.tick("celery@a/1-aa", 2, [])
    journal.leave("celery@a/1-aa", 2)
    assert (journal.snapshot().workers, journal.snapshot().silent) == ((), ())
