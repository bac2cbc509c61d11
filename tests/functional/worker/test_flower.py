"""A real Flower with real workers: what an operator sees in it, and what it must not show."""

import os
import signal
from base64 import b64encode
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.cli_process import MARKER
from tests.support.events import mobile_track, web_identify
from tests.support.flower_process import Flower
from tests.support.letters import deaths_of
from tests.support.processes import hung
from tests.support.waiting import until
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import Stack
from worker.task_names import DEAD_LETTER, DELIVER

#: An id with all characters that a URL, a page or a search might mishandle.
ODD_ID = "a/b?c=1&d#e <b>'\"é%2F\\ 日 (x) OR y"

#: Content of every event here.
PERSONAL = {"email": MARKER}


@pytest.fixture
def flower(stack: Stack) -> Flower:
    """Flower, which listens before the first worker starts."""
    return Flower(stack)


def start_worker(flower: Flower, *arguments: str) -> int:
    """Start a worker and wait until Flower knows it; return its process id."""
    process = flower.stack.start_worker(*arguments)
    until(flower.knows_worker)
    return process.pid


def bury(flower: Flower, *ids: str) -> None:
    """Bury events and wait until Flower knows of it."""
    producer = flower.stack.producer()
    producer.intake.enqueue_many(
        [mobile_track(messageId=name, properties=PERSONAL) for name in ids]
    )
    until(lambda: producer.journal.snapshot().in_flight == 0)
    until(lambda: set(ids) <= set(flower.tasks(taskname=DEAD_LETTER)))


def test_workers_and_what_each_deliver_task_did_are_listed(flower: Flower) -> None:
    start_worker(flower, "--hostname", "w1@shop")
    assert flower.json("/api/workers", status="true") == {"w1@shop": True}
    flower.stack.producer().intake.enqueue_many(
        [mobile_track(messageId=f"event-{n}") for n in range(3)]
    )
    until(lambda: flower.tasks(taskname=DELIVER, state="SUCCESS"))
    tasks = flower.tasks(taskname=DELIVER, state="SUCCESS").values()
    assert "{'claimed': 3, 'delivered': 3}" in {task["result"] for task in tasks}
    assert {task["worker"] for task in tasks} == {"w1@shop"}


def test_a_dead_letter_is_a_failed_task_under_its_events_id(flower: Flower) -> None:
    flower.stack.sandbox.add_fault("status=400,match=a-refused-one")
    start_worker(flower, "--hostname", "w1@shop")
    bury(flower, "a-refused-one")
    (task,) = flower.tasks(taskname=DEAD_LETTER, state="FAILURE").values()
    assert task["uuid"] == "a-refused-one"
    assert task["exception"] == task["result"] == "rejected (http_400)"
    assert (task["args"], task["kwargs"], task["traceback"]) == ("()", "{}", None)
    assert task["received"] <= task["failed"] <= task["received"] + 60
    assert flower.search("a-refused-one") == ["a-refused-one"]
    assert flower.search("result:rejected state:FAILURE") == ["a-refused-one"]
    # It is shown as a task of the worker that buried it, and of no other.
    assert list(flower.json("/api/workers", status="true")) == [task["worker"]] == ["w1@shop"]
    assert f'type="task-failed",worker="{task["worker"]}"' in flower.text("/metrics")


def test_what_a_worker_did_adds_up(flower: Flower) -> None:
    flower.stack.sandbox.add_fault("status=400,match=refused")
    start_worker(flower, "--hostname", "w1@shop")
    flower.stack.producer().intake.enqueue_many(
        [mobile_track(messageId=f"event-{number}") for number in range(5)]
    )
    bury(flower, *(f"refused-{number}" for number in range(7)))

    def is_over() -> bool:
        (worker,) = flower.json("/workers", json="1")["data"]
        return int(worker["task-received"]) == 7 + int(worker.get("task-succeeded", 0))

    until(is_over)
    (worker,) = flower.json("/workers", json="1")["data"]
    assert worker["task-failed"] == 7
    waiting = 'flower_worker_prefetched_tasks{task="convertro.dead_letter",worker="w1@shop"}'
    assert f"{waiting} 0.0" in flower.text("/metrics")


def test_an_id_may_be_odd_and_may_die_again(flower: Flower) -> None:
    flower.stack.sandbox.add_fault("status=400")
    start_worker(flower)
    bury(flower, ODD_ID)
    assert flower.search('"{}"'.format(ODD_ID.replace("\\", "\\\\").replace('"', '\\"'))) == [
        ODD_ID
    ]
    page = flower.task_page(ODD_ID)
    assert f'<code class="text-body-secondary">{ODD_ID}</code>' in unescape(page)
    assert ODD_ID not in page
    info = f"/api/task/info/{quote(ODD_ID, safe='')}"
    first = flower.json(info)
    journal = flower.stack.producer().journal
    assert journal.redrive(deaths_of(journal, ODD_ID)) == (True,)
    until(lambda: flower.json(info)["failed"] > first["failed"])
    again = flower.json(info)
    assert (again["state"], again["exception"]) == ("FAILURE", "rejected (http_400)")
    assert again["received"] > first["received"]
    assert len(flower.tasks(taskname=DEAD_LETTER)) == 1


@pytest.mark.environment(DEAD_LETTER_EVENTS="false")
def test_flower_is_not_told_of_dead_letters_if_that_is_switched_off(flower: Flower) -> None:
    start_worker(flower)
    producer = flower.stack.producer()
    producer.intake.enqueue(mobile_track(messageId="no-device", context={}))
    until(lambda: "{'claimed': 1, 'dead': 1}" in {t["result"] for t in flower.tasks().values()})
    assert {task["name"] for task in flower.tasks().values()} == {DELIVER}


@pytest.mark.environment(SHUTDOWN_SECONDS="1")
def test_a_task_that_fails_is_a_failed_task(flower: Flower) -> None:
    """Its process was killed."""
    flower.stack.sandbox.add_fault("hang")
    worker = start_worker(flower, "--concurrency", "1")
    producer = flower.stack.producer()
    producer.intake.enqueue(mobile_track(messageId="hangs", properties=PERSONAL))
    until(lambda: producer.journal.snapshot().claimed)
    for child in Path(f"/proc/{worker}/task/{worker}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    until(lambda: flower.tasks(taskname=DELIVER, state="FAILURE"))
    (lost,) = flower.tasks(taskname=DELIVER, state="FAILURE").values()
    assert lost["exception"].startswith("WorkerLostError('Worker exited prematurely: signal 9")
    assert MARKER not in str(flower.tasks()) + flower.stack.worker_log.read_text()


@pytest.mark.environment(SHUTDOWN_SECONDS="1", CONCURRENCY="2")
def test_nothing_personal_is_anywhere_in_flower(flower: Flower) -> None:
    flower.stack.sandbox.add_fault("status=400,match=refused")
    start_worker(flower, "--hostname", "w1@shop", "--concurrency", "1")
    bury(flower, "refused")
    flower.stack.producer().intake.enqueue(web_identify(messageId="fine", traits=PERSONAL))
    until(lambda: flower.tasks(taskname=DELIVER, state="SUCCESS"))
    workers = flower.text("/api/workers", refresh="true", workername="w1@shop")
    pages = ["/api/workers", "/api/tasks", "/api/task/types", "/api/queues/length", "/metrics"]
    pages += [f"/task/{uuid}" for uuid in flower.tasks()]
    pages += [f"/api/task/info/{uuid}" for uuid in flower.tasks()]
    shown = {path: flower.text(path) for path in [*pages, "/workers", "/worker/w1@shop", "/broker"]}
    for path, text in {**shown, "refreshed": workers}.items():
        assert not text.startswith(("404", "500")), path
        assert MARKER not in text, path
    assert MARKER not in flower.log.read_text() + flower.stack.worker_log.read_text()


def test_a_password_guards_all_but_health_and_metrics(stack: Stack) -> None:
    basic = b64encode(b"ops:secret").decode()
    flower = Flower(stack, ("--basic-auth=ops:secret",), {"Authorization": f"Basic {basic}"})
    start_worker(flower)
    assert "convertro" in flower.text("/broker")
    flower.headers.clear()
    for path in ("/", "/tasks", "/task/x", "/api/tasks", "/api/workers", "/tasks/datatable"):
        assert flower.text(path).startswith("401"), path
    assert flower.text("/healthcheck") == "OK"
    assert "flower_worker_online" in flower.text("/metrics")


def test_a_broker_that_hangs_does_not_keep_events_from_being_buried() -> None:
    """A deliver task runs, buries more events, and cannot announce them."""
    with embedded_server() as broker, Stack(environment_with_broker(broker.port)) as stack:
        stack.start_valkey()
        stack.start_sandbox().add_fault("slow=8,match=keeps-the-task-busy")
        producer = stack.producer()
        stack.start_worker("--concurrency", "1")
        until(lambda: producer.journal.snapshot().workers)
        producer.intake.enqueue(mobile_track(messageId="keeps-the-task-busy"))
        until(lambda: producer.journal.snapshot().claimed)
        with hung(broker):
            for number in range(60):
                producer.intake.enqueue(mobile_track(messageId=f"dies-{number}", context={}))
            until(lambda: producer.journal.snapshot().dead == 60)
            until(lambda: "burials_not_announced" in stack.worker_log.read_text())
        until(lambda: producer.journal.snapshot().in_flight == 0)
        assert stack.worker_log.read_text().count("burials_not_announced") == 1
        assert producer.journal.snapshot().total("delivered") == 1


def environment_with_broker(port: int) -> dict[str, str]:
    """Settings with a broker that is not the journal's Redis."""
    return {"CONVERTRO_BROKER_URL": f"redis://127.0.0.1:{port}/0", "CONVERTRO_CONCURRENCY": "4"}
