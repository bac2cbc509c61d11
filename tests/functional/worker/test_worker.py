"""A real worker process: what it refuses, how it stops, what it reports."""

import json
import signal
from threading import Thread
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from convertro.errors import JournalUnavailable
from tests.support.celery_process import run_celery
from tests.support.events import ORDER, mobile_track, order_completed, web_identify, web_track
from tests.support.memory import used_to
from tests.support.waiting import until
from worker.lab.demo.stack import Stack, stop_process
from worker.task_names import DELIVER

SECRET = "ada.lovelace@example.com"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (
            {"CONVERTRO_BLIP_SECONDS": "60"},
            "convertro: CONVERTRO_LEASE_SECONDS=60 is too short: one call may take 78 s",
        ),
        ({"CONVERTRO_CONCURRENCY": "lots"}, "convertro: CONVERTRO_CONCURRENCY: Input should be"),
        ({"CONVERTRO_SITE_ID": ""}, "convertro: CONVERTRO_SITE_ID must be set"),
    ],
)
def test_a_worker_with_wrong_settings_says_so_in_one_line(
    environment: dict[str, str], says: str
) -> None:
    ended = run_celery("worker", **environment)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(says)
    assert "Traceback" not in ended.stderr + ended.stdout


def test_every_kind_of_fate_is_reached_and_accounted_for(stack: Stack) -> None:
    stack.sandbox.add_fault("status=400,match=refused")
    stack.sandbox.add_fault("status=503,times=2,match=blip")
    intake = stack.producer().intake
    stack.start_worker()
    intake.enqueue_many(
        [
            mobile_track(messageId="fine"),
            mobile_track(messageId="blip"),
            mobile_track(messageId="refused"),
            mobile_track(messageId="no-device", context={}),
            order_completed(messageId="order", properties={**ORDER, "repeat": True}),
            web_identify(messageId="anonymous", userId=None),
        ]
    )
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0)
    reasons = {letter.event_id: letter.record.reason for letter in journal.dead_letters()}
    assert reasons == {"refused": "rejected", "no-device": "missing_device_id"}
    assert {call.key for call in stack.sandbox.calls()} == {
        "fine/DeviceEvent",
        "blip/DeviceEvent",
        "order/sale.repeat",
    }
    counters = journal.snapshot().counters
    assert (counters["delivered"], counters["skipped:anonymous_identify"]) == (3, 1)
    assert counters["attempts:ambiguous"] == 2
    assert journal.snapshot().unaccounted == 0


@pytest.mark.environment(HYBRID_ATTRIBUTION_MODEL="true", RETRY_BASE_SECONDS="0.5")
def test_what_was_accepted_is_not_sent_again_with_the_rest(stack: Stack) -> None:
    """`sale.new` is accepted; `sale` fails for longer than a blip and succeeds later."""
    stack.sandbox.add_fault('status=503,times=4,match="sale"')
    stack.start_worker()
    stack.producer().intake.enqueue(
        order_completed(messageId="hybrid", properties={**ORDER, "repeat": False})
    )
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0)
    assert journal.snapshot().counters["postponed"] == 1
    assert {call.key: call.times for call in stack.sandbox.calls()} == {
        "hybrid/sale.new": 1,
        "hybrid/sale": 1,
    }


@pytest.mark.environment(BLIP_TRIES="1", RETRY_BASE_SECONDS="5")
def test_no_key_is_used_for_another_call_after_the_mapping_was_swapped(stack: Stack) -> None:
    """A arrives but its answer is lost; the next worker has another mapping."""
    stack.sandbox.add_fault("reset,times=1")
    stack.start_worker(CONVERTRO_EVENTS=_mapping("A", "B"))
    stack.producer().intake.enqueue(web_track(messageId="m"))
    journal = stack.producer().journal
    until(lambda: journal.snapshot().counters.get("postponed") == 1)
    stack.stop_workers()
    stack.start_worker(CONVERTRO_EVENTS=_mapping("B", "A"))
    until(lambda: journal.snapshot().in_flight == 0)
    seen = {call.key: (call.body["event_type"], call.times) for call in stack.sandbox.calls()}
    assert seen == {"m/A": ("A", 2), "m/B": ("B", 1)}
    bodies = stack.sandbox.requests(bodies=True)
    assert [(one["key"], json.loads(one["body"])["event_type"]) for one in bodies][1:] == [
        ("m/B", "B"),
        ("m/A", "A"),
    ]


def _mapping(*types: str) -> str:
    return json.dumps([{"key": "Signed Up", "value": one} for one in types])


def test_a_redis_that_intake_filled_is_drained_by_a_worker_that_starts(stack: Stack) -> None:
    redis = Redis(port=stack.valkey.port)
    producer = stack.producer()
    accepted = 0

    def fill() -> None:
        nonlocal accepted
        while True:
            producer.intake.enqueue(
                mobile_track(messageId=f"fill-{accepted}", properties={"filler": "x" * 3000})
            )
            accepted += 1

    with used_to(0.85, redis):
        with pytest.raises(JournalUnavailable, match="nine tenths"):
            fill()
        stack.start_worker()
        until(lambda: producer.journal.snapshot().in_flight == 0)
    assert producer.journal.snapshot().total("delivered") == accepted > 100
    assert producer.intake.enqueue(mobile_track(messageId="after")) == "after"


@pytest.mark.environment(CONCURRENCY="4")
def test_a_pool_of_threads_shares_one_set_of_deliver_threads(stack: Stack) -> None:
    """Operators may choose this pool, though it is not advised; no lease ends in a queue."""
    stack.sandbox.add_fault("slow=0.05")
    stack.start_worker("--pool", "threads", "--concurrency", "6")
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    for number in range(200):
        producer.intake.enqueue(mobile_track(messageId=f"event-{number}"))
    until(lambda: producer.journal.snapshot().in_flight == 0)
    counters = producer.journal.snapshot().counters
    assert counters["delivered"] == 200
    assert "leases_lost" not in counters
    assert {call.times for call in stack.sandbox.calls()} == {1}


def test_a_stopping_worker_finishes_what_it_holds(stack: Stack) -> None:
    stack.sandbox.add_fault("slow=1")
    worker = stack.start_worker()
    producer = stack.producer()
    producer.intake.enqueue_many([mobile_track(messageId=f"slow-{n}") for n in range(40)])
    until(lambda: producer.journal.snapshot().claimed > 0)
    assert stop_process(worker) == 0
    snapshot = producer.journal.snapshot()
    assert snapshot.claimed == 0
    assert snapshot.workers == ()
    assert snapshot.total("delivered") == len(stack.sandbox.calls())
    assert {call.times for call in stack.sandbox.calls()} == {1}


@pytest.mark.environment(SHUTDOWN_SECONDS="1")
def test_a_stopping_worker_hands_back_what_hangs(stack: Stack) -> None:
    stack.sandbox.add_fault("hang")
    worker = stack.start_worker()
    producer = stack.producer()
    producer.intake.enqueue_many([mobile_track(messageId=f"hangs-{n}") for n in range(4)])
    until(lambda: producer.journal.snapshot().claimed == 4)
    assert stop_process(worker) == 0
    snapshot = producer.journal.snapshot()
    assert (snapshot.due_now, snapshot.claimed) == (4, 0)
    record = producer.journal.look("hangs-0").record
    assert record is not None
    assert [attempt.detail for attempt in record.outcomes] == ["interrupted"]
    stack.sandbox.clear_faults()
    stack.start_worker()
    until(lambda: producer.journal.snapshot().total("delivered") == 4)


def test_flower_sees_the_number_of_events_but_no_content(stack: Stack) -> None:
    """The worker's own Celery events, as Flower receives them."""
    stack.start_worker()
    other = Celery("other", broker=stack.environment["CONVERTRO_REDIS_URL"], set_as_current=False)
    seen: list[dict[str, Any]] = []

    def succeeded() -> bool:
        ours = {event["uuid"] for event in seen if event.get("name") == DELIVER}
        return any(event["type"] == "task-succeeded" and event["uuid"] in ours for event in seen)

    with other.connection() as connection:
        receiver = other.events.Receiver(connection, handlers={"*": seen.append})
        watcher = Thread(target=lambda: receiver.capture(wakeup=False), daemon=True)
        watcher.start()
        until(lambda: any(event["type"] == "worker-heartbeat" for event in seen))
        stack.producer().intake.enqueue(web_identify(traits={"email": SECRET}))
        until(succeeded)
        receiver.should_stop = True
        watcher.join()
    other.close()
    results = {event["result"] for event in seen if event["type"] == "task-succeeded"}
    assert "{'claimed': 1, 'delivered': 1}" in results
    assert SECRET not in json.dumps(seen)


def test_no_content_reaches_the_logs(stack: Stack) -> None:
    stack.sandbox.add_fault("status=400,match=refused")
    stack.sandbox.add_fault("status=500,match=failing")
    stack.start_worker()
    producer = stack.producer()
    traits = {"email": SECRET}
    producer.intake.enqueue_many(
        [
            web_identify(messageId="fine", traits=traits),
            web_identify(messageId="refused", traits=traits),
            web_identify(messageId="failing", traits=traits),
            mobile_track(messageId="dead", context={}, properties=traits),
        ]
    )
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    until(lambda: producer.journal.snapshot().due_now == 0)
    for process in stack.workers:
        process.send_signal(signal.SIGTERM)
        process.wait()
    text = stack.worker_log.read_text()
    assert '"event_id": "refused"' in text
    assert SECRET not in text
    for line in stack.worker_lines():
        json.dumps(line)
