"""Users of Redis with the least rights that they need, as docs/redis.md lists them, or fewer."""

import re

import pytest
from pydantic import SecretStr
from redis import Redis

from convertro import Client
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.bootstrap import make_app
from worker.lab.demo.stack import ROOT, Stack
from worker.status.refusal import refusal

PAGE = (ROOT / "docs" / "redis.md").read_text(encoding="utf-8")

#: The rights of each user on the page.
RIGHTS = dict(re.findall(r"^    ACL SETUSER (\w+) on >password (.*)$", PAGE, re.MULTILINE))


def make_user(stack: Stack, name: str, rights: str) -> str:
    """Make a user with some rights, and return the user's URL."""
    with Redis.from_url(stack.redis_url) as redis:
        redis.execute_command("ACL", "SETUSER", name, "reset", "on", ">password", *rights.split())
    return f"redis://{name}:password@127.0.0.1:{stack.valkey.port}/0"


def test_the_least_rights_of_the_page_suffice(stack: Stack) -> None:
    urls = {name: make_user(stack, name, rights) for name, rights in RIGHTS.items()}
    worker = {"CONVERTRO_REDIS_URL": urls["worker"]}
    stack.start_worker(**worker)
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    client = Client(urls["client"])
    client.enqueue_many([mobile_track(messageId=f"event-{number}") for number in range(40)])
    for number in range(40, 60):
        client.enqueue(mobile_track(messageId=f"event-{number}"))
    until(lambda: producer.journal.snapshot().total("delivered") == 60)
    cli = Cli({**stack.environment, **worker})
    assert cli.json("preflight")["errors"] == 0
    for command in (
        ["status"],
        ["audit"],
        ["dead", "list"],
        ["pause", "--reason", "x"],
        ["resume"],
    ):
        assert cli(*command).returncode == 0, command
    exporter = Cli({**stack.environment, "CONVERTRO_REDIS_URL": urls["exporter"]})
    assert exporter("status").returncode == 0
    with Redis.from_url(stack.redis_url) as redis:
        assert redis.keys("*preflight*") == []
        denied = [entry["object"] for entry in redis.acl_log()]
    # Each works without the right to read the configuration.
    assert set(denied) <= {"config|get"}


def test_an_exporter_that_may_only_read_still_notices_a_redis_that_refuses_writes(
    stack: Stack,
) -> None:
    url = make_user(stack, "exporter", RIGHTS["exporter"])
    settings = stack.settings.model_copy(update={"redis_url": SecretStr(url)})
    assert refusal(settings, 5, judges_rights=False) is None
    stack.valkey.client().config_set("min-replicas-to-write", 1)
    said = refusal(settings, 5, judges_rights=False)
    assert said is not None
    assert said.startswith("Redis refuses writes: bring its replicas back")


def test_a_status_needs_no_right_to_ask_how_full_redis_is(stack: Stack) -> None:
    url = make_user(stack, "exporter", RIGHTS["exporter"].replace("+info", ""))
    status = Cli({**stack.environment, "CONVERTRO_REDIS_URL": url}).json("status")
    assert status["redis"] == {"used_bytes": None, "max_bytes": None}


@pytest.mark.parametrize(
    ("rights", "named"),
    [
        ("~{convertro}:* +@all -@dangerous resetchannels", "LPUSH convertro.preflight-*"),
        (f"{RIGHTS['worker']} resetchannels", "PSUBSCRIBE /0.celery.pidbox"),
        (f"{RIGHTS['worker']} -evalsha", "EVALSHA"),
        (f"{RIGHTS['worker']} -script|load", "SCRIPT LOAD"),
        (f"{RIGHTS['worker']} -zadd", "ZADD {convertro}:preflight-*"),
        (f"{RIGHTS['worker']} -lpop", "LPOP {convertro}:preflight-*"),
        (f"{RIGHTS['worker']} -brpop", "BRPOP convertro.preflight-*"),
        (f"{RIGHTS['worker']} -ping", "PING"),
        (f"{RIGHTS['worker']} -publish", "PUBLISH"),
        (f"{RIGHTS['worker']} -multi", "MULTI"),
        (f"{RIGHTS['worker']} -exec", "EXEC"),
        (RIGHTS["worker"].replace("&/0.celeryev/* ", ""), "PUBLISH to a channel of Celery's"),
        (
            f"{RIGHTS['worker']} resetkeys ~{{convertro}}:* ~convertro* ~_kombu.binding*",
            "LPUSH *.reply.celery.pidbox",
        ),
    ],
    ids=[
        *("keys of the queue", "channels", "a script", "scripts", "a command", "ringing"),
        *("taking", "asking", "telling", "transactions", "their ends", "a channel", "replies"),
    ],
)
def test_a_right_that_is_missing_is_named(stack: Stack, rights: str, named: str) -> None:
    cli = Cli({**stack.environment, "CONVERTRO_REDIS_URL": make_user(stack, "app", rights)})
    ended = cli("preflight", "--json")
    assert ended.returncode == 1
    assert f"the user of CONVERTRO_REDIS_URL may not: {named}" in ended.stdout
    assert "password" not in ended.stdout + ended.stderr


def test_without_the_right_to_info_a_status_leaves_the_memory_out(stack: Stack) -> None:
    url = make_user(stack, "app", f"{RIGHTS['exporter']} -info")
    status = Cli({**stack.environment, "CONVERTRO_REDIS_URL": url}).json("status")
    assert status["redis"] == {"used_bytes": None, "max_bytes": None}


def test_a_preflight_that_may_not_tidy_up_keeps_no_worker_from_its_replies(stack: Stack) -> None:
    """What it tries Celery's bindings with is read by every Celery application of that Redis."""
    url = make_user(stack, "app", f"{RIGHTS['worker']} -srem")
    assert Cli({**stack.environment, "CONVERTRO_REDIS_URL": url})("preflight").returncode == 1
    stack.start_worker()
    until(lambda: stack.producer().journal.snapshot().workers)
    app = make_app(stack.settings, 5)
    until(lambda: app.control.ping(timeout=1))
    assert "Control command error" not in stack.worker_log.read_text(encoding="utf-8")


def test_a_worker_without_its_rights_does_not_start_and_one_that_loses_them_stops(
    stack: Stack,
) -> None:
    url = make_user(stack, "app", f"{RIGHTS['worker']} resetchannels")
    assert stack.start_worker(CONVERTRO_REDIS_URL=url).wait(timeout=60) == 1
    says = "the user of CONVERTRO_REDIS_URL may not: PSUBSCRIBE /0.celery.pidbox"
    assert says in stack.worker_log.read_text(encoding="utf-8")
    make_user(stack, "app", RIGHTS["worker"])
    worker = stack.start_worker(CONVERTRO_REDIS_URL=url)
    until(lambda: stack.producer().journal.snapshot().workers)
    stack.worker_log.write_text("", encoding="utf-8")
    make_user(stack, "app", f"{RIGHTS['worker']} resetchannels")
    assert worker.wait(timeout=90) == 1
    lines = list(stack.worker_lines())
    assert says in next(line["event"] for line in lines if line.get("action") == "broker_refuses")
    assert len([line for line in lines if line["level"] != "debug"]) < 60
