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


def test_one_worker_of_a_node_is_forgotten_by_the_name_that_status_shows(
    cli: Cli, gone: Filler
) -> None:
    gone.journal.tick("celery@other/7-aaaa", 1, [])
    gone.redis.zincrby(f"{gone.prefix}workers", -20_000, "1 celery@other/7-aaaa")
    assert cli("forget", f"{GONE}/12-8c1f").returncode == 0
    assert [worker.node for worker in gone.journal.snapshot().silent] == ["celery@other"]


def test_a_name_that_a_terminal_would_obey_is_escaped_wherever_it_is_printed(
    cli: Cli, filler: Filler
) -> None:
    evil, shown = "celery@\u202eevil\u2066\u200b", r"celery@\u202eevil\u2066\u200b"
    filler.journal.tick(f"{evil}/1-aaaa", 1, [])
    for command in (("status",), ("health", "--live", "--all"), ("forget", evil)):
        ended = cli(*command)
        assert shown in ended.stdout + ended.stderr, command
        assert (ended.stdout + ended.stderr).replace("\n", "").isprintable(), command


def test_a_worker_that_is_alive_stays(cli: Cli, gone: Filler) -> None:
    ended = cli("forget", "worker-1@host")
    assert ended.returncode == 1
    assert ended.stderr == "convertro: worker-1@host is alive: stop it first\n"
    assert [worker.node for worker in gone.journal.snapshot().workers] == ["worker-1@host"]


def test_after_its_lease_a_silent_worker_is_still_reported_but_health_is_good(
    cli: Cli, gone: Filler
) -> None:
    assert cli("health", "--live", "--all").returncode == 1
    silence(gone, 60)
    gone.tick()
    assert cli("health", "--live", "--all").returncode == 0
    said = cli("status", "--check")
    assert said.returncode == 1
    assert f"! {GONE} went silent" in said.stdout
    silence(gone, 86_400)
    until(lambda: cli("status", "--check").returncode == 0)
