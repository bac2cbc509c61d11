"""Redis is restored from an older copy: what is sent again, what is missing, how it is refilled."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from tests.support.events import mobile_track
from tests.support.load import Load
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

#: The number of events of each kind; the application goes on while the copy is made.
SOME = 60


def copy_append_only(redis: Redis, data: Path, backup: Path) -> None:
    """Copy the append-only files as docs/backup.md says: no rewrite may replace them meanwhile."""
    redis.config_set("auto-aof-rewrite-percentage", 0)
    until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"])
    shutil.copytree(data / "appendonlydir", backup / "appendonlydir")
    redis.config_set("auto-aof-rewrite-percentage", 100)


def copy_snapshot(redis: Redis, data: Path, backup: Path) -> None:
    before = redis.lastsave()
    redis.bgsave()
    until(lambda: not redis.info("persistence")["rdb_bgsave_in_progress"])
    assert redis.info("persistence")["rdb_last_bgsave_status"] == "ok"
    assert redis.lastsave() >= before
    backup.mkdir()
    shutil.copy(data / "dump.rdb", backup)


def restore_append_only(stack: Stack, backup: Path) -> None:
    shutil.copytree(backup / "appendonlydir", stack.folder / "valkey" / "appendonlydir")
    stack.restart_valkey()


def restore_snapshot(stack: Stack, backup: Path) -> None:
    """Restore a snapshot; with `appendonly yes` Redis would ignore it and begin empty."""
    shutil.copy(backup / "dump.rdb", stack.folder / "valkey")
    stack._valkey_config["appendonly"] = "no"
    stack.restart_valkey()
    with Redis(port=stack.valkey.port) as redis:
        redis.config_set("appendonly", "yes")
        until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"])
        assert redis.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    stack._valkey_config["appendonly"] = "yes"
    stack.valkey.stop()
    stack.restart_valkey()


@pytest.mark.parametrize(
    ("copy", "restore"),
    [(copy_append_only, restore_append_only), (copy_snapshot, restore_snapshot)],
    ids=["append-only file", "snapshot"],
)
def test_what_a_backup_lacks_is_refilled_and_nothing_is_counted_twice(
    stack: Stack,
    copy: Callable[[Redis, Path, Path], None],
    restore: Callable[[Stack, Path], None],
) -> None:
    data, backup = stack.folder / "valkey", stack.folder / "backup"
    stack.start_worker()
    with Load(stack) as load, Redis(port=stack.valkey.port) as redis:
        journal = load.journal
        until(lambda: stack.sandbox.summary().accepted >= SOME)
        journal.pause("so that some events wait in the backup")
        until(lambda: journal.snapshot().claimed == 0)
        until(lambda: journal.snapshot().due_now >= SOME)
        certainly_in = len(load.ids)
        copy(redis, data, backup)
        certainly_out = len(load.ids) + 1  # one may be in the middle of its enqueue
        until(lambda: len(load.ids) >= certainly_out + SOME)
        journal.resume()
        until(lambda: stack.sandbox.summary().accepted > certainly_out)
        journal.pause("so that some events are in no file but the lost one")
        seen = len(load.ids)
        until(lambda: len(load.ids) >= seen + SOME)
        load.end()
        journal.disconnect()
    outbox = load.ids
    until(lambda: journal.snapshot().claimed == 0)
    sent_before = {call.key for call in stack.sandbox.calls()}
    never_sent = {name for name in outbox if f"{name}/DeviceEvent" not in sent_before}
    assert len(never_sent) >= SOME

    stack.stop_workers()
    stack.valkey.stop()
    shutil.move(data, stack.folder / "lost")
    data.mkdir()
    restore(stack, backup)

    # The journal agrees with itself, so the audit cannot tell; `accepted` and `show` can.
    snapshot = journal.snapshot()
    assert snapshot.unaccounted == 0
    assert list(journal.inspect()) == []
    missing = [name for name in outbox if journal.look(name).place == "unknown"]
    assert snapshot.counters["accepted"] == len(outbox) - len(missing)
    assert certainly_in <= len(outbox) - len(missing) <= certainly_out
    waiting = {name for name in outbox if journal.look(name).place == "due"}
    assert len(waiting) >= SOME
    assert snapshot.pause is not None  # the pause is restored too

    taken = load._intake.take(mobile_track(messageId=name) for name in outbox)
    assert taken.duplicates == len(outbox) - len(missing)
    journal.resume()
    stack.start_worker()
    until(lambda: journal.snapshot().in_flight == 0)

    snapshot = journal.snapshot()
    assert snapshot.unaccounted == 0
    assert snapshot.counters["accepted"] == snapshot.counters["delivered"] == len(outbox)
    times = {call.key.removesuffix("/DeviceEvent"): call.times for call in stack.sandbox.calls()}
    twice = (waiting | set(missing)) - never_sent
    assert times == {name: 2 if name in twice else 1 for name in outbox}
    print(
        f"{len(outbox)} events: {len(outbox) - len(missing)} in the backup, {len(waiting)} of them "
        f"waiting; {len(missing)} missing, {len(never_sent)} of them never sent; "
        f"{len(twice)} sent again under the same key, 0 under another, 0 lost"
    )


def test_a_snapshot_is_not_looked_at_beside_an_append_only_file(stack: Stack) -> None:
    journal = stack.producer().journal
    journal.accept([("event-1", b"{}")])
    backup = stack.folder / "backup"
    with Redis(port=stack.valkey.port) as redis:
        copy_snapshot(redis, stack.folder / "valkey", backup)
    stack.valkey.stop()
    shutil.rmtree(stack.folder / "valkey" / "appendonlydir")
    stack.restart_valkey()
    assert journal.look("event-1").place == "unknown"
