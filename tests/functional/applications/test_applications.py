"""Real applications, made of what docs/applications.md shows, beside a real worker."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from tests.functional.applications.conftest import PAGE, Application
from tests.support.cli_process import Cli
from tests.support.processes import hung
from tests.support.waiting import until
from worker.lab.demo.stack import stop_process

pytestmark = pytest.mark.applications

HERE = Path(__file__).parent

Serve = Callable[..., str]


def names(*numbers: int | str) -> list[str]:
    """The ids of orders."""
    return [f"order-{number}-completed" for number in numbers]


def post(url: str, **data: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=data, timeout=60)


def insist(url: str) -> requests.Response:
    """Post repeatedly while the application answers that it cannot now, as callers do."""
    answers: list[requests.Response] = []

    def is_answered() -> bool:
        answers.append(post(url))
        return answers[-1].status_code != 503

    until(is_answered)
    assert answers[-1].status_code == 201
    return answers[-1]


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=60)


# Django


@pytest.fixture
def django(application: Application) -> Application:
    """A project whose own `tasks`, `config` and `worker` are named as ours are."""
    shutil.copytree(HERE / "django_project", application.folder, dirs_exist_ok=True)
    application.write(*(name for name in PAGE.files if name.startswith("shop/")))
    application.run("manage.py", "migrate", "--run-syncdb", "--verbosity", "0")
    return application


def test_django_reports_what_was_committed_and_nothing_else(
    django: Application, serve: Serve
) -> None:
    shop = serve("gunicorn", "config.wsgi", "--bind", "fd://{fd}", "--workers", "2")
    celery = django.start("-m", "celery", "-A", "config", "worker", "--pool", "solo")
    try:
        with ThreadPoolExecutor(4) as threads:
            answers = threads.map(
                lambda number: post(
                    f"{shop}/{'declined' if number % 3 == 0 else 'checkout'}/",
                    total=f"{number}.50",
                    user=f"u{number}",
                ),
                range(1, 31),
            )
            answers = list(answers)
        assert [answer.status_code for answer in answers].count(402) == 10
        orders = [answer.json()["order"] for answer in answers if answer.ok]
        assert len(orders) == 20
        for number in range(5):
            assert post(f"{shop}/reminder/{number}/").status_code == 202
        reminders = [f"reminder-{number}" for number in range(5)]
        until(lambda: len(django.stack.sandbox.calls()) == 25)
    finally:
        stop_process(celery)
    django.delivers([*names(*orders), *reminders])


def test_djangos_outbox_carries_orders_over_an_outage(django: Application, serve: Serve) -> None:
    shop = serve("gunicorn", "config.wsgi", "--bind", "fd://{fd}", "--workers", "2")
    orders = [post(f"{shop}/checkout/", total="1", user="u1").json()["order"]]
    with hung(django.stack.valkey):
        orders += [post(f"{shop}/checkout/", total="1", user="u1").json()["order"] for _ in "abcd"]
    with closing(sqlite3.connect(django.folder / "shop.sqlite3")) as database:

        def left() -> int:
            (number,) = database.execute("SELECT count(*) FROM shop_outboxevent").fetchone()
            return number

        assert left() == 4
        outbox = django.start("manage.py", "send_outbox")
        until(lambda: left() == 0)
        stop_process(outbox)
    django.delivers(names(*orders))


def test_djangos_own_tests_collect(django: Application) -> None:
    django.run("-m", "django", "test", "--settings", "config.settings", "--pythonpath", ".")


# Flask and gunicorn


@pytest.mark.parametrize("worker_class", ["gthread", "gevent"])
def test_gunicorn_may_fork_after_the_client_was_used(
    application: Application, serve: Serve, worker_class: str
) -> None:
    application.write("flask_shop.py", "gunicorn.conf.py")
    used = "import os\nfrom flask_shop import app, complete\ncomplete('before-the-fork')\n"
    process = (
        "@app.after_request\ndef _(answer):\n    answer.headers['Process'] = str(os.getpid())\n"
    )
    (application.folder / "used.py").write_text(f"{used}{process}    return answer\n")
    words = [word.replace("flask_shop", "used") for word in PAGE.command("gunicorn")]
    shop = serve(*words, "--bind", "fd://{fd}", "--worker-class", worker_class)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: insist(f"{shop}/orders/{number}"), range(200)))
    assert len({answer.headers["Process"] for answer in answers}) > 1
    application.delivers(names("before-the-fork", *range(200)))


GEVENT = """
import sys
from gevent import monkey, sleep, spawn

if sys.argv[1] == "before":
    monkey.patch_all()
from convertro import Client, JournalUnavailable

used, unused = Client(), Client()
if sys.argv[1] == "after":
    monkey.patch_all()


def order(client, number):
    event = {"type": "track", "event": "Order Completed", "userId": "u1", "channel": "client"}
    event |= {"messageId": f"order-{number}-completed", "properties": {"id": str(number)}}
    try:
        return client.enqueue(event)
    except JournalUnavailable:
        return None


assert order(used, "before")
print("ready", flush=True)
sys.stdin.readline()
waiting = [spawn(order, client, number) for number, client in enumerate((used, unused))]
turns = 0
while not all(one.ready() for one in waiting):
    sleep(0.01)
    turns += 1
print(turns, [one.value for one in waiting], flush=True)
sys.stdin.readline()
sleep(1)
print(order(used, 0), order(unused, 1))
"""


@pytest.mark.parametrize("patched", ["before", "after"])
def test_other_greenlets_run_while_redis_hangs(application: Application, patched: str) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with application.start("-c", GEVENT, patched, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        with hung(application.stack.valkey):
            say(process, "go on")
            turns, _, refused = process.stdout.readline().partition(" ")
        assert int(turns) > 3
        assert refused == "[None, None]\n"
        rest, _ = process.communicate("go on\n", timeout=60)
    assert rest == "order-0-completed order-1-completed\n"
    application.delivers(names("before", 0, 1))


def say(process: "subprocess.Popen[str]", line: str) -> None:
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


# FastAPI


def test_an_asyncio_application_goes_on_while_redis_hangs(
    application: Application, serve: Serve
) -> None:
    application.write("fastapi_shop.py")
    shop = serve(*PAGE.command("uvicorn"), "--fd", "{fd}", "--log-level", "warning")
    assert post(f"{shop}/orders/before").status_code == 201
    numbers = range(60)
    with ThreadPoolExecutor(16) as threads:
        with hung(application.stack.valkey):
            first = threads.submit(post, f"{shop}/orders/first")
            meanwhile = answered_meanwhile(f"{shop}/openapi.json", first)
            refused = list(threads.map(lambda number: post(f"{shop}/orders/{number}"), numbers))
        assert meanwhile > 3
        assert first.result().status_code == 503
        assert {answer.status_code for answer in refused} == {503}

        urls = [f"{shop}/orders/{number}" for number in ("first", *numbers)]
        list(threads.map(insist, urls))
    application.delivers(names("before", "first", *numbers))


def answered_meanwhile(url: str, waited_for: "Future[Any]") -> int:
    """The number of other requests that were answered before this one."""
    number = 0
    while not waited_for.done():
        assert get(url).ok
        number += not waited_for.done()
    return number


# Processes


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_pool_of_processes_reports_each_order_once(application: Application, method: str) -> None:
    application.write("report_orders.py")
    (application.folder / "main.py").write_text(
        "import multiprocessing, report_orders\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    report_orders.report('in-the-parent')\n"
        "    report_orders.main()\n"
        "    with multiprocessing.Pool(1) as pool:\n"
        "        try:\n"
        "            pool.apply(report_orders.enqueue, [{'type': 7}])\n"
        "        except report_orders.InvalidEvent as error:\n"
        "            print(error)\n"
    )
    with (application.folder / "report_orders.py").open("a") as file:
        file.write("from convertro import InvalidEvent\n")
    printed = application.run("main.py").splitlines()
    assert printed == [*names(*range(100)), "type must be a string, not a value of type int"]
    application.delivers(names("in-the-parent", *range(100)))


# AWS Lambda


def test_a_process_that_is_frozen_between_its_invocations(application: Application) -> None:
    application.write("lambda_handler.py")
    loop = "import json, sys; from lambda_handler import handler\n"
    loop += (
        "for line in sys.stdin: print(json.dumps(handler(json.loads(line), None)), flush=True)\n"
    )
    (application.folder / "runtime.py").write_text(loop)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        application.start("runtime.py", **pipes) as runtime,
        Redis(port=application.stack.valkey.port) as redis,
    ):
        for invocation in range(6):
            orders = [{"id": f"{invocation}-{n}", "user": "u1", "total": 27.5} for n in range(5)]
            batch = {"Records": [{"body": json.dumps(order)} for order in orders]}
            say(runtime, json.dumps(batch))
            assert json.loads(runtime.stdout.readline()) == {"accepted": 5}
            runtime.send_signal(signal.SIGSTOP)
            if invocation % 2:  # the worker's connections are closed too
                assert redis.client_kill_filter(_type="normal", skipme=True) > 0
            if invocation > 2:
                time.sleep(0.6)  # long enough that the client checks an idle connection
            runtime.send_signal(signal.SIGCONT)
        runtime.stdin.close()
        assert runtime.wait(60) == 0
    application.delivers(names(*(f"{i}-{n}" for i in range(6) for n in range(5))))


# Several journals, and a file of lines


def test_two_journals_know_nothing_of_each_other(application: Application) -> None:
    application.write("two_shops.py")
    code = "from two_shops import books, toys\n"
    code += "order = {'type': 'track', 'messageId': 'one', 'userId': 'u1'}\n"
    code += "print(toys.enqueue(order), books.enqueue(order), books.enqueue(order))"
    assert application.run("-c", code) == "one one one\n"
    with Redis(port=application.stack.valkey.port) as redis:
        assert redis.hkeys("{toys}:events") == redis.hkeys("{books}:events") == [b"one"]
    application.delivers([])


def test_lines_that_were_spilled_arrive_once(application: Application) -> None:
    application.write("spill.py", "send-spilled.sh")
    bin_folder = application.folder / "bin"
    bin_folder.mkdir()
    command = bin_folder / "convertro"
    command.symlink_to(Path(sys.executable).parent / "convertro")

    def send(**environment: str) -> int:
        return subprocess.run(
            ["sh", "send-spilled.sh"],
            cwd=application.folder,
            env=Cli(application.stack.environment).environment(
                PATH=f"{bin_folder}:{os.environ['PATH']}", **environment
            ),
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        ).returncode

    order = {"type": "track", "event": "Order Completed", "userId": "u1", "channel": "client"}
    orders = [
        {**order, "messageId": f"order-{number}-completed", "properties": {"orderId": str(number)}}
        for number in range(20)
    ]
    code = "import json, sys, spill\nfor event in json.loads(sys.argv[1]): spill.hand_over(event)"
    application.run("-c", code, json.dumps(orders[:8]))
    assert send() == 0
    with hung(application.stack.valkey):
        halves = [
            application.start("-c", code, json.dumps(half)) for half in (orders[5:12], orders[12:])
        ]
        assert [half.wait(60) for half in halves] == [0, 0]
        spilled = (application.folder / "spilled.jsonl").read_text()
        assert len(spilled.splitlines()) == 15
    assert send(CONVERTRO_REDIS_URL="redis://127.0.0.1:1/0") == 3
    assert send() == 0
    (application.folder / "spilled.jsonl").write_text(spilled)
    assert send() == 0
    assert not list(application.folder.glob("*.jsonl"))
    application.delivers(names(*range(20)))


def test_an_import_takes_what_the_page_says(application: Application) -> None:
    order = {"type": "track", "event": "Order Completed", "userId": "u1", "channel": "client"}
    lines = [{**order, "messageId": name, "properties": {"id": name}} for name in names(1, 2)]
    program, verb, file, *options = PAGE.command("convertro")
    (application.folder / file).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert program == "convertro"
    ended = Cli(application.stack.environment)(verb, application.folder / file, *options)
    assert ended.stdout == "accepted 2, duplicates 0, refused 0\n"
    application.delivers(names(1, 2))
