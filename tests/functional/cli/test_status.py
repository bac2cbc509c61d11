"""An operator who knows only the README finds out from `convertro status` what is broken."""

import signal
from collections.abc import Callable
from subprocess import Popen
from typing import Any

import pytest

from convertro.errors import JournalUnavailable
from tests.functional.worker.test_wakeups import enqueue, event_ids, has_worker
from tests.support.ageing import let_pass
from tests.support.cli_process import Cli
from tests.support.events import ORDER, mobile_track, order_completed
from tests.support.memory import FULL, used_to
from tests.support.processes import children_of, standing_still
from tests.support.waiting import until
from worker.journal.snapshot import STUCK_MS
from worker.lab.demo.stack import Stack
from worker.lab.sandbox.process import SandboxProcess

SENSITIVE = {"BREAKER_MIN_COUNT": "5", "BLIP_TRIES": "1", "RETRY_BASE_SECONDS": "1"}


def said_by(stack: Stack) -> str:
    """The output of `convertro status`, on one line."""
    ended = Cli(stack.environment)("status")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())
    return " ".join(ended.stdout.split())


def shows(stack: Stack, name: str) -> Callable[[], bool]:
    """Whether `status --json` names a problem."""
    return lambda: name in [problem["name"] for problem in document_of(stack)["problems"]]


def document_of(stack: Stack) -> dict[str, Any]:
    document: dict[str, Any] = Cli(stack.environment).json("status")
    return document


@pytest.fixture
def worker(stack: Stack) -> Popen[str]:
    process = stack.start_worker()
    until(has_worker(stack))
    return process


def test_orders_that_are_skipped_for_lack_of_an_id(stack: Stack, worker: object) -> None:
    stack.producer().intake.enqueue_many(
        [
            order_completed(messageId="likely", properties={"transaction_id": "t1", "total": 5}),
            order_completed(messageId="unlikely", properties={"total": 5}),
            order_completed(messageId="no-amount", properties={**ORDER, "total": "n/a"}),
            mobile_track(messageId="dead", properties={"revenue": "n/a"}),
            order_completed(messageId="fine"),
        ]
    )
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0)
    said = said_by(stack)
    assert "! 2 website orders of the last 15 min had no order id" in said
    assert "1 of them has one as transaction_id, order_number or checkout_id" in said
    assert "! 2 events of the last 15 min had an amount that cannot be read (1 delivered" in said
    assert "t1" not in said
    assert (
        document_of(stack)["counters"].items()
        >= {
            "skipped:missing_order_id": 2,
            "noted:likely_order_id": 1,
            "noted:unreadable_amount": 1,
            "dead:unreadable_amount": 1,
            "delivered": 2,
        }.items()
    )
    assert Cli(stack.environment)("audit").returncode == 0


@pytest.mark.environment(**SENSITIVE, RETRY_HORIZON_SECONDS="36000")
def test_a_vendor_that_is_down(stack: Stack, worker: object) -> None:
    enqueue(stack, event_ids("before", 20))
    until(lambda: document_of(stack)["latest"]["delivered_at"] is not None)
    stack.sandbox.add_fault("status=503")
    enqueue(stack, event_ids("during", 100))
    until(shows(stack, "held_failures"))
    until(lambda: stack.producer().journal.snapshot().claimed == 0)
    said = said_by(stack)
    assert said.startswith("holding since ")
    assert "most calls to Convertro fail (http_503); 100 events wait, 1 worker" in said
    assert "! Convertro is failing; nothing is wrong here. Deliveries go on by" in said
    assert "first probe that Convertro accepts. Nothing is lost or given up" in said
    assert " events failed at least once: their retries end from " in said
    assert "each with one last try after the hold - " in said
    document = document_of(stack)
    assert document["horizon"]["tried"] == document["horizon"]["number_by"] >= 5
    assert document["per_second"]["accepted"]["900s"] > 0
    assert document["milliseconds"]["acceptance_to_delivery"]["number"] == 20


def test_a_vendor_that_is_down_while_few_events_come(stack: Stack, worker: object) -> None:
    stack.sandbox.add_fault("status=503")
    enqueue(stack, event_ids("few", 3))
    until(shows(stack, "attempts_fail"))
    until(lambda: document_of(stack)["state"] == "waiting")
    said = said_by(stack)
    assert said.startswith("waiting: 3 events due later, 3 failed at least once, 1 worker")
    assert "of the last 5 min failed, the latest" in said
    assert "http_503" in said


def test_a_full_redis(stack: Stack, worker: object) -> None:
    redis = stack.valkey.client()
    enqueue(stack, event_ids("before", 20))
    with used_to(FULL, redis):
        with pytest.raises(JournalUnavailable):
            enqueue(stack, event_ids("refused", 20))
        said = said_by(stack)
    assert said.startswith("Redis is full: no events are accepted")
    assert "! Redis is full: new events are refused above 90 %, and lost unless" in said
    assert "CONFIG SET maxmemory" in said
    until(lambda: not shows(stack, "redis_full")())


def test_a_worker_that_hangs_as_a_whole(stack: Stack, worker: Popen[str]) -> None:
    with standing_still(worker.pid, *children_of(worker.pid)):
        enqueue(stack, event_ids("waiting", 10))
        until(shows(stack, "worker_silent"))
        said = said_by(stack)
        assert said.startswith("no worker is alive: 10 events wait")
        assert "went silent" in said
        assert "and no other worker is alive. If its process is gone, start it" in said
    until(lambda: document_of(stack)["state"] == "delivering")
    assert document_of(stack)["silent_workers"] == []


def test_a_worker_that_is_alive_and_consumes_nothing(stack: Stack, worker: Popen[str]) -> None:
    with standing_still(*children_of(worker.pid)):
        enqueue(stack, event_ids("waiting", 10))
        assert not shows(stack, "worker_stuck")()
        let_pass(stack.valkey.client(), STUCK_MS / 1000)
        assert shows(stack, "worker_stuck")()
        said = said_by(stack)
        assert said.startswith("stuck: 10 events wait, and no worker asks for work, 1 worker")
        assert "is alive but asked for work" in said
    until(lambda: document_of(stack)["state"] == "delivering")


@pytest.mark.environment(SITE_ID="12345", **SENSITIVE)
@pytest.mark.parametrize("number", [3, 100])
def test_a_wrong_site_id(stack: Stack, number: int) -> None:
    with SandboxProcess("--account", f"{stack.settings.client_name}/1234") as convertro:
        stack.start_worker(CONVERTRO_BASE_URL=convertro.base_url)
        until(has_worker(stack))
        enqueue(stack, event_ids("mistaken", number))
        until(shows(stack, "wrong_address" if number < 5 else "held_burials"))
        said = said_by(stack)
        assert "Convertro does not know the address" in said
        assert "CONVERTRO_SITE_ID" in said
        assert "404" in said
        stack.stop_workers()


def test_watching_goes_on_while_redis_is_away(stack: Stack) -> None:
    cli = Cli(stack.environment)
    watching = cli.start("status", "--watch", "--every", "0.5")
    assert watching.stdout is not None
    lines = iter(watching.stdout)
    assert any(line.startswith("no worker is alive") for line in lines)
    stack.kill_valkey()
    assert any("Redis is unavailable since" in line for line in lines)
    stack.restart_valkey()
    assert any("Ctrl-C ends this" in line for line in lines)
    watching.send_signal(signal.SIGINT)
    _, complaints = watching.communicate(timeout=20)
    assert (watching.returncode, complaints) == (0, "")


def test_watching_for_machines_is_a_document_a_line(cli: Cli) -> None:
    watching = cli.start("status", "--watch", "--every", "0.5", "--json")
    assert watching.stdout is not None
    lines = [next(iter(watching.stdout)) for _ in range(2)]
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=20)
    assert watching.returncode == 130
    assert all('"state": "no_worker_is_alive"' in line for line in lines)
