"""The network between a worker and its servers changes or fails silently."""

from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.hostile.answers import http
from tests.support.raw_server import answer, raw_server
from tests.support.relay import Relay
from tests.support.waiting import until
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import Stack

HOSTS = Path(__file__).parents[2] / "support" / "hosts"


@pytest.mark.environment(BREAKER_MIN_COUNT="4", RETRY_BASE_SECONDS="1", PROBE_MAX_SECONDS="600")
def test_a_worker_follows_the_name_of_convertro_while_the_old_address_answers_503(
    stack: Stack,
) -> None:
    """The old server keeps its connections, and each probe waits longer than the one before."""
    producer, names = stack.producer(), stack.folder / "hosts"
    with raw_server() as old, raw_server(host="127.0.0.2", port=old.port) as new:
        names.write_text("127.0.0.1 convertro.example\n")
        stack.start_worker(
            *("--concurrency", "2"),
            PYTHONPATH=str(HOSTS),
            HOSTS=str(names),
            CONVERTRO_BASE_URL=f"http://convertro.example:{old.port}",
            CONVERTRO_ALLOW_INSECURE_HTTP="true",
        )
        for number in range(40):
            producer.intake.enqueue(mobile_track(messageId=f"before-{number}"))
        until(lambda: producer.journal.snapshot().total("delivered") == 40)
        old.usual = answer(http(b"no", status=b"503 Service Unavailable"))
        for number in range(40):
            producer.intake.enqueue(mobile_track(messageId=f"during-{number}"))
        until(lambda: producer.journal.snapshot().breaker.probes_failed)
        names.write_text("127.0.0.2 convertro.example\n")
        asked = len(old.requests)
        until(lambda: producer.journal.snapshot().total("delivered") == 80)
        assert len(old.requests) - asked <= 3  # a probe that was in flight, with its tries
    assert len(new.requests) >= 40


def test_a_worker_finds_out_soon_that_its_connections_to_redis_were_swallowed(
    stack: Stack,
) -> None:
    producer = stack.producer()
    with Relay(("127.0.0.1", stack.valkey.port)) as relay:
        worker = stack.start_worker(CONVERTRO_REDIS_URL=f"redis://127.0.0.1:{relay.port}/0")
        producer.intake.enqueue(mobile_track(messageId="before"))
        until(lambda: producer.journal.snapshot().total("delivered") == 1)
        relay.swallow()
        producer.intake.enqueue(mobile_track(messageId="after"))
        until(lambda: producer.journal.snapshot().total("delivered") == 2, patience_seconds=40)
        assert worker.poll() is None


def test_a_worker_reports_that_the_lookup_of_its_brokers_name_hangs(stack: Stack) -> None:
    names = stack.folder / "hosts"
    names.write_text("silence broker.example\n")
    stack.start_worker(
        PYTHONPATH=str(HOSTS), HOSTS=str(names), CONVERTRO_BROKER_URL="redis://broker.example/0"
    )
    log = stack.worker_log
    until(lambda: log.exists() and '"action": "broker_unavailable"' in log.read_text())
    assert "Timeout connecting to server" in log.read_text()


def test_a_probe_and_a_scrape_end_although_the_lookup_of_redis_name_hangs(
    stack: Stack,
) -> None:
    names = stack.folder / "hosts"
    names.write_text("silence redis.example\n")
    cli = Cli(
        {
            **stack.environment,
            "CONVERTRO_REDIS_URL": "redis://redis.example/0",
            "PYTHONPATH": str(HOSTS),
            "HOSTS": str(names),
        }
    )
    assert cli("health", "--live").returncode == 3
    assert cli("health", "--ready").returncode == 3
    exporter = cli.start("exporter", "--port", "0")
    assert exporter.stdout is not None
    url = exporter.stdout.readline().split()[4].removesuffix(":")
    with urlopen(f"{url}/metrics", timeout=10) as answer:
        assert b"convertro_up 0.0" in answer.read()
    exporter.terminate()
    exporter.communicate()


@pytest.mark.slow  # it waits for a minute
def test_a_worker_that_cannot_use_its_broker_says_why_and_ends(stack: Stack) -> None:
    """One broker where no process listens, and one that refuses writes."""
    with embedded_server(config={"min-replicas-to-write": "1"}) as refusing:
        ports = {"one@here": 1, "two@here": refusing.port}
        workers = [
            stack.start_worker("-n", name, CONVERTRO_BROKER_URL=f"redis://127.0.0.1:{port}/0")
            for name, port in ports.items()
        ]
        assert [worker.wait(timeout=150) for worker in workers] == [1, 1]
    lines = list(stack.worker_lines())
    said = [line["event"] for line in lines if line.get("action") == "worker_not_ready"]
    assert all(
        "was not ready within 60 s, because its broker cannot be used" in one for one in said
    )
    assert sorted("NOREPLICAS" in one for one in said) == [False, True]
    assert sorted("Connection refused" in one for one in said) == [False, True]
    assert len([line for line in lines if line["level"] != "debug"]) < 40
