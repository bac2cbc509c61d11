"""A Redis that runs but refuses writes, because it lacks replicas, disk, memory or rights."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from convertro.errors import JournalUnavailable
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.memory import put_ballast
from tests.support.waiting import until
from worker.journal.records import Finish, Finished, Move
from worker.lab.demo.stack import Stack


def test_a_worker_outlasts_a_redis_that_refuses_writes(stack: Stack) -> None:
    """By default Celery ends a worker whose broker answers with an error."""
    worker = stack.start_worker()
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    with Redis(port=stack.valkey.port) as redis:
        redis.config_set("min-replicas-to-write", 1)
        with pytest.raises(JournalUnavailable, match="NOREPLICAS"):
            producer.intake.enqueue(mobile_track(messageId="one"))
        until(lambda: "Connection to broker lost" in stack.worker_log.read_text())
        redis.config_set("min-replicas-to-write", 0)
    producer.intake.enqueue(mobile_track(messageId="one"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    assert worker.poll() is None


@contextmanager
def _setting(redis: Redis, name: str, value: object, back: object) -> Iterator[None]:
    redis.config_set(name, value)
    yield
    redis.config_set(name, back)


@contextmanager
def _without_a_disk(redis: Redis) -> Iterator[None]:
    """Make Redis fail to write its snapshot, by a folder in the file's place."""
    where = Path(redis.config_get("dir")["dir"]) / redis.config_get("dbfilename")["dbfilename"]
    where.mkdir()
    redis.config_set("save", "3600 1")
    redis.bgsave()
    until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    redis.config_set("save", "")
    where.rmdir()


@contextmanager
def _without_rights(redis: Redis) -> Iterator[None]:
    with Redis(port=redis.connection_pool.connection_kwargs["port"], username="admin") as admin:
        redis.execute_command("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")
        admin.execute_command("ACL", "SETUSER", "default", "-zadd")
        yield
        admin.execute_command("ACL", "SETUSER", "default", "+zadd")


@contextmanager
def _demoted(redis: Redis) -> Iterator[None]:
    redis.replicaof("127.0.0.1", "1")
    yield
    redis.replicaof("no", "one")


REFUSALS: dict[str, Callable[[Redis], AbstractContextManager[None]]] = {
    "NOREPLICAS": lambda redis: _setting(redis, "min-replicas-to-write", 1, 0),
    "ReadOnlyError": _demoted,
    "NoPermission": _without_rights,
    "MISCONF": _without_a_disk,
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_is_named_and_no_probe_restarts_a_worker_for_it(
    stack: Stack, reason: str
) -> None:
    worker, cli = stack.start_worker("--concurrency", "1"), Cli(stack.environment)
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    with Redis(port=stack.valkey.port) as redis, REFUSALS[reason](redis):
        until(lambda: not producer.journal.snapshot().workers)
        ended = cli("health", "--live")
        assert ended.returncode == 3, ended.stdout
        assert reason in ended.stdout
        problems = json.loads(cli("status", "--json").stdout)["problems"]
        assert problems[0]["name"] == "redis_refuses"
        assert reason in problems[0]["sentence"]
        until(lambda: reason in stack.worker_log.read_text())
    producer.intake.enqueue(mobile_track(messageId="one"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    assert worker.poll() is None
    assert len([line for line in stack.worker_lines() if line["level"] != "debug"]) < 20


def test_a_worker_that_starts_while_redis_is_full_delivers_what_waits(stack: Stack) -> None:
    producer = stack.producer()
    for number in range(50):
        producer.intake.enqueue(mobile_track(messageId=f"event-{number}"))
    with Redis(port=stack.valkey.port) as redis:
        put_ballast(redis)
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 1.02))
        stack.start_worker("--concurrency", "1")
        until(lambda: producer.journal.snapshot().total("delivered") == 50)
        problems = json.loads(Cli(stack.environment)("status", "--json").stdout)["problems"]
    assert problems[0]["name"] == "redis_full"
    assert "OutOfMemory" not in stack.worker_log.read_text()
    assert len([line for line in stack.worker_lines() if line["level"] != "debug"]) < 20


def test_a_worker_that_starts_while_redis_runs_a_script_waits_for_its_end(stack: Stack) -> None:
    def run_a_script() -> None:
        with Redis(port=stack.valkey.port) as redis, suppress(ResponseError):
            redis.eval("while true do end", 0)

    with Redis(port=stack.valkey.port) as redis:
        redis.config_set("busy-reply-threshold", 1)
        Thread(target=run_a_script, daemon=True).start()
        until(lambda: _is_busy(redis))
        stack.start_worker()
        waits = '"preflight_waits"'
        until(lambda: waits in stack.worker_log.read_text(encoding="utf-8"))
        redis.script_kill()
    producer = stack.producer()
    producer.intake.enqueue(mobile_track(messageId="one"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)


def _is_busy(redis: Redis) -> bool:
    try:
        redis.ping()
    except ResponseError as error:
        return str(error).startswith("BUSY")
    return False


def test_a_read_only_user_is_not_told_that_redis_refuses_writes(stack: Stack) -> None:
    """A worker's sign of life shows that writes succeed, so the command tries none."""
    stack.start_worker("--concurrency", "1")
    until(lambda: stack.producer().journal.snapshot().workers)
    with Redis(port=stack.valkey.port) as redis:
        redis.execute_command("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+@all", "-@write")
        url = f"redis://reader:any@127.0.0.1:{stack.valkey.port}/0"
        cli = Cli({**stack.environment, "CONVERTRO_REDIS_URL": url})
        assert "redis_refuses" not in cli("status", "--json").stdout
        assert redis.acl_log() == []


@pytest.mark.parametrize("right", ["zadd", "hincrby", "hsetnx", "sismember"])
def test_a_producer_that_lacks_a_right_takes_nothing_in(stack: Stack, right: str) -> None:
    """If half of an accept were done, the next try would be a duplicate of a missing event."""
    journal = stack.producer().journal
    journal.agree("worker")
    with Redis(port=stack.valkey.port) as redis:
        before = sorted(redis.keys())
        redis.execute_command("ACL", "SETUSER", "default", f"-{right}")
        with pytest.raises(JournalUnavailable, match="NoPermission"):
            stack.producer().journal.accept([("one", b"{}"), ("two", b"{}")])
        redis.execute_command("ACL", "SETUSER", "default", f"+{right}")
        assert sorted(redis.keys()) == before
    assert journal.accept([("one", b"{}")]) == (True,)


@pytest.mark.parametrize("right", ["sadd", "hset", "zrem", "hdel", "hincrby"])
def test_a_worker_that_loses_a_right_finishes_all_of_an_event_or_nothing(
    stack: Stack, right: str
) -> None:
    journal = stack.producer().journal
    journal.agree("worker")
    journal.tick("worker", 1, [])
    journal.accept([("one", b"{}")])
    (event,) = journal.claim("wakeup", "lease", 1).events
    accepted_at_ms = event.record.accepted_at_ms
    finish = Finish(
        event_id="one", lease="lease", move=Move.DELIVERED, accepted_at_ms=accepted_at_ms
    )
    with Redis(port=stack.valkey.port) as redis:
        redis.execute_command("ACL", "SETUSER", "default", f"-{right}")
        with pytest.raises(JournalUnavailable, match="NoPermission"):
            journal.finish([finish])
        redis.execute_command("ACL", "SETUSER", "default", f"+{right}")
    assert journal.snapshot().unaccounted == 0
    assert journal.look("one").place == "claimed"
    assert journal.finish([finish]) == (Finished.MOVED,)
