"""A worker that is gone for good, beside one that is alive."""

import json

import pytest

from tests.support.cli_process import Cli, Filler
from tests.support.waiting import until

GONE = "celery@gone"


@pytest.fixture
def gone(filler: Filler) -> Filler:
    """One worker went silent, another is alive."""
    filler.journal.tick(f"{GONE}/12-8c1f", 2, [])
    filler.tick()
    silence(filler, 20)
    return filler


def silence(filler: Filler, seconds: float) -> None:
    filler.redis.zincrby(f"{filler.prefix}workers", -1000 * seconds, f"2 {GONE}/12-8c1f")


def test_a_silent_worker_is_forgotten_on_request(cli: Cli, gone: Filler) -> None:
    assert cli("health", "--live", "--all").returncode == 1
    assert cli("forget", GONE).stdout == f"forgot 1 silent worker of {GONE}\n"
    assert cli("health", "--live", "--all").returncode == 0
    again = cli("forget", GONE, "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout) == {"node": GONE, "forgotten": 0, "alive": 0}
    assert gone.redis.zscore(f"{gone.prefix}asked", f"{GONE}/12-8c1f") is None


def test_a_worker_that_is_alive_stays(cli: Cli, gone: Filler) -> None:
    ended = cli("forget", "worker-1@host")
    assert ended.returncode == 1
    assert ended.stderr == "convertro: worker-1@host is alive: stop it first\n"
    assert [worker.node for worker in gone.journal.snapshot().workers] == ["worker-1@host"]


def test_it_is_forgotten_by_itself_when_it_can_hold_nothing_any_more(gone: Filler) -> None:
    gone.tick()
    assert [worker.node for worker in gone.journal.snapshot().silent] == [GONE]
    silence(gone, 60)
    until(lambda: not gone.journal.snapshot().silent)
