"""Deliveries are held while Convertro is failing; with real workers and the sandbox."""

import os
import signal
import time

import pytest

from tests.functional.worker.test_wakeups import (
    children_of,
    drained,
    enqueue,
    event_ids,
    has_worker,
)
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.journal.breaker_state import Breaker, BreakerState, Cause
from worker.journal.journal import Journal
from worker.lab.demo.stack import Stack

#: A breaker that opens early, so that a test need not send hundreds of events.
SENSITIVE = {"BREAKER_MIN_COUNT": "5", "BLIP_TRIES": "1", "RETRY_BASE_SECONDS": "1"}


def breaker_of(journal: Journal) -> Breaker:
    return journal.snapshot().breaker


def is_held(journal: Journal, cause: Cause) -> bool:
    breaker = breaker_of(journal)
    return breaker.state is not BreakerState.CLOSED and breaker.cause is cause


@pytest.mark.environment(**SENSITIVE, PROBE_MAX_SECONDS="2")
def test_an_outage_holds_events_and_they_leave_by_themselves_when_it_is_over(stack: Stack) -> None:
    stack.sandbox.add_fault("status=500")
    stack.start_worker()
    journal = stack.producer().journal
    until(has_worker(stack))
    enqueue(stack, event_ids("early", 300))
    until(lambda: is_held(journal, Cause.FAILURES))
    until(lambda: journal.snapshot().claimed == 0)
    counted = journal.snapshot().counters.get("postponed", 0)
    enqueue(stack, event_ids("fresh", 100))
    # After some probes no event is dead, no further retry was counted, and hardly any was sent.
    before = stack.sandbox.summary().requests
    until(lambda: stack.sandbox.summary().requests >= before + 3)
    snapshot = journal.snapshot()
    assert snapshot.in_flight == 400
    assert snapshot.dead == 0
    assert snapshot.counters["postponed"] == counted
    said = " ".join(Cli(stack.environment)("status").stdout.split())
    assert said.startswith("holding since ")
    assert "most calls to Convertro fail (http_500); 400 events wait" in said
    stack.sandbox.clear_faults()
    until(drained(stack))
    assert journal.snapshot().counters["delivered"] == 400
    assert breaker_of(journal).state is BreakerState.CLOSED


@pytest.mark.environment(**SENSITIVE)
def test_refused_credentials_hold_everything_at_once_and_bury_nothing(stack: Stack) -> None:
    stack.sandbox.add_fault("status=401")
    stack.start_worker()
    journal = stack.producer().journal
    enqueue(stack, event_ids("refused", 50))
    until(lambda: is_held(journal, Cause.SETUP))
    until(lambda: journal.snapshot().counters.get("held", 0) > 2)
    assert journal.snapshot().dead == 0
    stack.sandbox.clear_faults()
    Cli(stack.environment)("resume")
    until(drained(stack))
    assert journal.snapshot().counters["delivered"] == 50


@pytest.mark.environment(**{**SENSITIVE, "RETRY_MAX_SECONDS": "1", "RETRY_HORIZON_SECONDS": "4"})
def test_one_event_that_a_firewall_refuses_does_not_hold_the_others(stack: Stack) -> None:
    stack.sandbox.add_fault("status=403,match=disliked")
    stack.start_worker()
    producer = stack.producer()
    producer.intake.enqueue(mobile_track(messageId="disliked"))
    sent = 0
    while producer.journal.look("disliked").place != "dead":
        producer.intake.enqueue(mobile_track(messageId=f"fine-{sent}"))
        sent += 1
        time.sleep(0.05)  # a slow, steady stream
        assert sent < 2_000
    until(drained(stack))
    record = producer.journal.look("disliked").record
    assert record is not None
    assert (record.reason, record.status) == ("retries_exhausted", 403)
    snapshot = producer.journal.snapshot()
    assert (snapshot.dead, snapshot.counters["delivered"]) == (1, sent)
    assert not [name for name in snapshot.counters if name.startswith("breaker_opened")]


@pytest.mark.environment(**SENSITIVE, CONCURRENCY="4")
def test_a_mapping_that_convertro_rejects_holds_the_stream_instead_of_burying_it(
    stack: Stack,
) -> None:
    stack.sandbox.add_fault("status=400")
    stack.start_worker()
    journal = stack.producer().journal
    enqueue(stack, event_ids("rejected", 200))
    until(lambda: is_held(journal, Cause.BURIALS))
    until(lambda: journal.snapshot().claimed == 0)
    dead = journal.snapshot().dead
    assert dead < 10
    said = " ".join(Cli(stack.environment)("status").stdout.split())
    assert "most events would become dead letters" in said
    stack.sandbox.clear_faults()
    Cli(stack.environment)("resume")
    until(drained(stack))
    assert journal.snapshot().counters["delivered"] == 200 - dead
    actions = {line.get("action") for line in stack.worker_lines()}
    assert {"breaker_opened", "breaker_closed"} <= actions


@pytest.mark.environment(CONCURRENCY="1", RETRY_BASE_SECONDS="1")
def test_two_events_answered_with_retry_after_hold_all_deliveries(stack: Stack) -> None:
    stack.sandbox.add_fault("status=429,retry_after=4,times=2")
    stack.start_worker("--concurrency", "1")
    enqueue(stack, event_ids("asked", 20))
    until(drained(stack))
    first, second, third, *_ = stack.sandbox.requests()
    assert (first["status"], second["status"]) == (429, 429)
    assert third["received_at"] - second["received_at"] >= 4, "what Convertro asked for"
    snapshot = stack.producer().journal.snapshot()
    assert snapshot.counters["delivered"] == 20
    assert snapshot.counters["breaker_opened:throttled"] == 1
    assert snapshot.counters["postponed"] == 1


def test_pause_and_resume_from_the_command_line(stack: Stack) -> None:
    stack.start_worker()
    until(has_worker(stack))
    cli = Cli(stack.environment)
    assert cli("pause", "--reason", "moving house").stdout.startswith("deliveries are held; 0 ")
    assert "held before" in cli("pause").stdout
    enqueue(stack, event_ids("paused", 30))
    journal = stack.producer().journal
    wakeups = journal.snapshot().counters.get("wakeups", 0)
    (worker,) = journal.snapshot().workers
    until(lambda: journal.snapshot().workers[0].ticked_ms > worker.ticked_ms + 2_000)
    assert journal.snapshot().due_now == 30
    assert journal.snapshot().counters.get("wakeups", 0) == wakeups, "nobody is woken in vain"
    document = cli.json("status")
    assert (document["state"], document["paused"]["reason"]) == ("paused", "moving house")
    assert cli("resume").stdout == "deliveries go on\n"
    until(drained(stack))
    assert cli("resume").stdout == "there was no pause\n"


@pytest.mark.environment(MAX_REQUESTS_PER_SECOND="50")
def test_the_rate_of_requests_holds_for_all_workers_together(stack: Stack) -> None:
    stack.start_worker()
    stack.start_worker()
    enqueue(stack, event_ids("paced", 200))
    until(drained(stack))
    times = sorted(request["received_at"] for request in stack.sandbox.requests())
    assert len(times) == 200
    # One second's worth may come at once, the rest at the rate: 150 more take 3 s.
    assert times[-1] - times[0] > 2


@pytest.mark.environment(
    LEASE_SECONDS="8", BLIP_SECONDS="0", CONNECT_TIMEOUT_SECONDS="1", READ_TIMEOUT_SECONDS="2"
)
def test_an_event_that_kills_its_process_each_time_is_poison_and_no_other_is(
    stack: Stack,
) -> None:
    """Whenever the sandbox has received the poisonous event, the process that sent it is killed."""
    stack.sandbox.add_fault("hang,match=poison")
    worker = stack.start_worker("--concurrency", "1")
    until(has_worker(stack))
    enqueue(stack, ["poison", *event_ids("innocent", 10)])
    journal = stack.producer().journal
    for times in (1, 2, 3):
        until(lambda times=times: received(stack, "poison") == times)  # type: ignore[misc]  # bound now
        for child in children_of(worker.pid):
            os.kill(child, signal.SIGKILL)
    until(lambda: journal.look("poison").place == "dead")
    until(drained(stack))
    record = journal.look("poison").record
    assert record is not None
    assert (record.reason, record.leases_lost, record.in_doubt) == ("poison", 3, {"*": 3})
    assert journal.snapshot().counters["delivered"] == 10
    assert journal.snapshot().unaccounted == 0
    told = Cli(stack.environment)("dead", "show", "poison").stdout
    assert "delivered anyway?  maybe: any call, 3 times" in told


def received(stack: Stack, name: str) -> int:
    return len(stack.sandbox.requests(key=f"{name}/DeviceEvent"))
