"""`convertro health` with real workers that are healthy, hung, and gone."""

import json
import shlex
import socket
import subprocess

import pytest

from tests.support.ageing import let_pass
from tests.support.cli_process import COMMAND, ROOT, Cli
from tests.support.events import web_track
from tests.support.processes import children_of, standing_still
from tests.support.waiting import until
from worker.journal.snapshot import STUCK_MS
from worker.lab.demo.stack import Stack

Process = subprocess.Popen[str]

NODE = f"celery@{socket.gethostname()}"


@pytest.fixture
def cli(stack: Stack) -> Cli:
    return Cli(stack.environment)


def start(stack: Stack) -> Process:
    """Start a worker and wait until it is in the journal."""
    worker = stack.start_worker("--concurrency", "1")
    journal = stack.producer().journal
    until(lambda: journal.snapshot().workers)
    return worker


def test_a_worker_that_runs_is_alive(stack: Stack, cli: Cli) -> None:
    start(stack)
    for arguments in ((), ("--all",), ("--worker", NODE)):
        ended = cli("health", "--live", *arguments)
        assert ended.returncode == 0, ended.stdout
        assert ended.stdout.startswith(f"1 worker alive: {NODE}, last sign of life ")
    other = cli("health", "--live", "--worker", "celery@elsewhere")
    assert other.returncode == 1
    assert other.stdout.startswith("no worker of the name celery@elsewhere")


def test_a_worker_that_hangs_as_a_whole_is_not(stack: Stack, cli: Cli) -> None:
    worker = start(stack)
    with standing_still(worker.pid, *children_of(worker.pid)):
        until(lambda: cli("health", "--live").returncode == 1)
        ended = cli("health", "--live", "--json")
        assert json.loads(ended.stdout)["problem"] == "worker_silent"
    until(lambda: cli("health", "--live").returncode == 0)


def test_a_worker_whose_pool_hangs_is_not_although_it_ticks(stack: Stack, cli: Cli) -> None:
    worker = start(stack)
    pool = children_of(worker.pid)
    assert pool
    with standing_still(*pool):
        stack.producer().intake.enqueue(web_track(messageId="event-1"))
        assert cli("health", "--live").returncode == 0
        let_pass(stack.valkey.client(), STUCK_MS / 1000)
        ended = cli("health", "--live", "--json")
        assert ended.returncode == 1
        assert json.loads(ended.stdout)["problem"] == "worker_stuck"
    until(lambda: cli("health", "--live").returncode == 0)


def test_a_worker_that_has_not_started_or_has_stopped_is_not_alive(stack: Stack, cli: Cli) -> None:
    before = cli("health", "--live")
    start(stack)
    stack.stop_workers()
    for ended in (before, cli("health", "--live")):
        assert ended.returncode == 1
        assert ended.stdout == (
            f"no worker of this host, {socket.gethostname()}, is in the journal: "
            "it has not started, or it stopped\n"
        )


def test_without_redis_health_is_unknown(stack: Stack, cli: Cli) -> None:
    assert cli("health", "--ready").returncode == 0
    stack.kill_valkey()
    for arguments in (("--live",), ("--live", "--all"), ("--ready",)):
        assert cli("health", *arguments).returncode == 3


def test_a_probe_can_restart_for_a_failing_worker_but_not_for_redis(stack: Stack, cli: Cli) -> None:
    assert probe(cli) == 1
    stack.kill_valkey()
    assert probe(cli) == 0


def probe(cli: Cli) -> int:
    """Run what `convertro health --help` gives as a container's probe."""
    script = f"{shlex.join(COMMAND)} health --live; test $? -ne 1"
    return subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env=cli.environment(), capture_output=True, check=False
    ).returncode


def test_settings_that_are_missing_are_not_ready(cli: Cli) -> None:
    ended = cli("health", "--ready", CONVERTRO_SITE_ID="")
    assert ended.returncode == 2
    assert "CONVERTRO_SITE_ID must be set" in ended.stdout


def test_a_liveness_probe_reads_no_more_settings_than_lead_to_the_journal(
    stack: Stack, cli: Cli
) -> None:
    start(stack)
    assert cli("health", "--live", CONVERTRO_LEASE_SECONDS="none").returncode == 0
    ended = cli("health", "--live", CONVERTRO_REDIS_URL="http://nowhere")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("convertro: CONVERTRO_REDIS_URL: ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--live", "--ready"),
        ("--ready", "--all"),
        ("--live", "--all", "--worker", NODE),
    ],
)
def test_options_that_do_not_go_together_are_reported_in_a_sentence(
    cli: Cli, arguments: tuple[str, ...]
) -> None:
    ended = cli("health", *arguments)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
