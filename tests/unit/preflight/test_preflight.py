"""The preflight's checks of what it has found out, one row a case."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from fakeredis import TcpFakeServer

from config.settings import Settings
from worker.cli.preflight import exit_code, summary
from worker.cli.terminal.exit_codes import ExitCode
from worker.lab.demo.embedded import free_port
from worker.preflight.address import address_of
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import Check, Level, files_check, settings_checks
from worker.preflight.persistence_checks import (
    durability_check,
    eviction_check,
    memory_check,
    persistence_check,
)
from worker.preflight.preflight import PATIENCE_SECONDS, wait_for_redis
from worker.preflight.reachable import broker_check, connection_check
from worker.preflight.redis_checks import (
    REDIS_CHECKS,
    NoAnswer,
    RedisAnswer,
    RedisFacts,
    Why,
    clock_check,
    connections_check,
    dead_letters_check,
    redis_checks,
    role_check,
    version_check,
)

OK, WARNING, ERROR, NOT_CHECKED = Level.OK, Level.WARNING, Level.ERROR, Level.NOT_CHECKED

COMPLETE = {
    "client_name": "acme",
    "site_id": "1234",
    "domain": "shop.example.com",
    "base_url": "https://convertro.example",
    "shutdown_seconds": 13,  # connect 3 + read 10
}

HEALTHY = {
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "used_memory": 1_000_000,
    "connected_clients": 3,
    "maxclients": 10_000,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
}


def complete(**overrides: Any) -> Settings:
    return Settings.model_validate({**COMPLETE, **overrides})


def facts(**overrides: Any) -> RedisFacts:
    fields: dict[str, Any] = {
        "address": "redis.example:6379",
        "info": HEALTHY,
        "config": {"save": "", "appendfsync": "everysec"},
        "skew_seconds": 0.0,
        "round_trip_seconds": 0.001,
        "dead": 0,
    }
    return RedisFacts(**{**fields, **overrides})


def found(checks: Iterator[Check], name: str) -> Check:
    (check,) = [check for check in checks if check.name == name]
    return check


def graver(checks: Iterator[Check]) -> list[str]:
    return [check.sentence for check in checks if check.level is not OK]


# Settings


def test_complete_settings_pass() -> None:
    assert graver(settings_checks(complete(), {}, {})) == []


def test_every_missing_setting_is_named() -> None:
    check = found(settings_checks(complete(site_id="", domain=""), {}, {}), "settings")
    assert check.level is ERROR
    assert check.says.startswith("CONVERTRO_SITE_ID, CONVERTRO_DOMAIN must be set")


def test_a_variable_that_nothing_reads_is_a_warning() -> None:
    check = found(settings_checks(complete(), {"CONVERTRO_SITEID": "remove it"}, {}), "variables")
    assert (check.level, check.remedy) == (WARNING, "remove it")
    assert "CONVERTRO_SITEID" in check.says


@pytest.mark.parametrize(("seconds", "level"), [(0, WARNING), (12.9, WARNING), (13, OK)])
def test_a_stopping_worker_should_wait_for_one_attempt(seconds: float, level: Level) -> None:
    """An attempt takes up to 3 s for the connection and 10 s for the answer."""
    check = found(settings_checks(complete(shutdown_seconds=seconds), {}, {}), "shutdown")
    assert check.level is level
    assert check.remedy == (
        "set CONVERTRO_SHUTDOWN_SECONDS to 13 or more" if level is WARNING else ""
    )


def test_the_lease_and_the_longest_call_are_shown() -> None:
    check = found(settings_checks(complete(), {}, {}), "lease")
    assert check == Check(
        OK, "a lease of 60 s outlasts the longest call, 23 s with its tries", name="lease"
    )


@pytest.mark.parametrize(
    ("given", "level", "says"),
    [
        ({"base_url": "https://convertro.example"}, OK, "https://convertro.example"),
        ({"base_url": "http://127.0.0.1:9999"}, OK, "http://127.0.0.1:9999"),
        ({"base_url": "http://127.0.0.1:8020"}, WARNING, "sandbox on this machine"),
        (
            {"base_url": "http://convertro.example:81", "allow_insecure_http": True},
            WARNING,
            "unencrypted to convertro.example:81",
        ),
    ],
    ids=["https", "another port here", "the default", "plain http elsewhere"],
)
def test_the_base_url(given: Mapping[str, Any], level: Level, says: str) -> None:
    check = found(settings_checks(complete(**given), {}, {}), "base_url")
    assert check.level is level
    assert says in check.says


@pytest.mark.parametrize(("most", "level"), [(349, WARNING), (350, OK), (float("inf"), OK)])
def test_a_worker_process_needs_a_file_for_each_event_in_flight(most: float, level: Level) -> None:
    check = files_check(complete(concurrency=300), 350, most)
    assert check.level is level
    if level is WARNING:
        assert "may open 349 files, and with CONVERTRO_CONCURRENCY=300 it needs 350" in check.says


# Redis


def test_a_healthy_redis_passes() -> None:
    checks = list(redis_checks(complete(), facts()))
    assert graver(iter(checks)) == []
    assert [check.name for check in checks] == ["redis", *REDIS_CHECKS]


def test_what_redis_does_not_tell_is_not_checked() -> None:
    """Hosted servers forbid CONFIG; some users may not even use INFO and TIME."""
    untold = redis_checks(complete(), facts(info={}, config={}, skew_seconds=None))
    assert {check.name: check.level for check in untold} == {
        "redis": OK,
        **dict.fromkeys(REDIS_CHECKS, NOT_CHECKED),
        "rights": OK,
        "dead_letters": OK,
    }
    assert graver(redis_checks(complete(), facts(config={}))) == []


@pytest.mark.parametrize(
    ("info", "level", "says"),
    [
        ({"redis_version": "6.2.14"}, ERROR, "Redis 6.2.14 is too old"),
        ({"redis_version": "7.0.0"}, OK, "Redis 7.0.0"),
        ({"redis_version": "10.0.1"}, OK, "Redis 10.0.1"),
        (
            {"redis_version": "7.2.4", "valkey_version": "9.1.2", "server_name": "valkey"},
            OK,
            "Valkey 9.1.2",
        ),
        ({"redis_version": "unstable"}, NOT_CHECKED, "does not say"),
    ],
)
def test_the_version(info: Mapping[str, Any], level: Level, says: str) -> None:
    check = version_check(info)
    assert check.level is level
    assert says in check.says


def test_a_replica_is_refused() -> None:
    info = {"role": "slave", "master_host": "10.0.0.1", "master_port": 6379}
    check = role_check(info)
    assert check.level is ERROR
    assert "replica of 10.0.0.1:6379" in check.says


@pytest.mark.parametrize(
    ("policy", "bound", "level", "says"),
    [
        ("noeviction", 0, OK, "noeviction"),
        ("noeviction", 1_000_000, OK, "noeviction"),
        ("allkeys-lru", 1_000_000, ERROR, "throws events away when its memory is full"),
        ("volatile-ttl", 1_000_000, ERROR, "throws ids of finished events away"),
        ("allkeys-lru", 0, WARNING, "away as soon as maxmemory is set"),
    ],
)
def test_the_eviction_policy(policy: str, bound: int, level: Level, says: str) -> None:
    check = eviction_check({"maxmemory_policy": policy, "maxmemory": bound})
    assert check.level is level
    assert says in check.says


@pytest.mark.parametrize(
    ("used", "bound", "level"),
    [
        (900_000, 1_000_000, OK),
        (900_001, 1_000_000, WARNING),
        (2_000_000, 1_000_000, WARNING),
        (10**12, 0, OK),
    ],
)
def test_the_memory_is_nearly_full_where_intake_refuses(
    used: int, bound: int, level: Level
) -> None:
    assert memory_check({"used_memory": used, "maxmemory": bound}).level is level


@pytest.mark.parametrize(
    ("info", "config", "level", "says"),
    [
        ({"aof_enabled": 1}, {}, OK, "append-only file"),
        ({"aof_enabled": 1}, {"appendfsync": "always"}, OK, "appendfsync always"),
        ({"aof_enabled": 1}, {"appendfsync": "no"}, WARNING, "half a minute"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, {}, ERROR, "could not write"),
        ({"aof_enabled": 0}, {"save": "3600 1"}, WARNING, "since the last one"),
        ({"aof_enabled": 0, "rdb_saves": 3}, {}, WARNING, "since the last one"),
        ({"aof_enabled": 0}, {"save": ""}, WARNING, "a restart of Redis loses every event"),
        ({"aof_enabled": 0}, {}, WARNING, "a restart of Redis loses every event"),
    ],
)
def test_persistence(
    info: Mapping[str, Any], config: Mapping[str, str], level: Level, says: str
) -> None:
    check = persistence_check(info, config)
    assert check.level is level
    assert says in check.says


@pytest.mark.parametrize(
    ("skew", "round_trip", "level", "says"),
    [
        (0.0, 0.0, OK, "agree"),
        (2.0, 0.0, OK, "agree"),
        (-2.5, 0.0, WARNING, "s behind"),
        (5.0, 0.0, WARNING, "5 s ahead of"),
        (5.0, 6.0, OK, "agree"),  # 5 - 6 / 2 = 2
        (60.0, 0.0, WARNING, "60 s ahead of"),
        (-3600.0, 0.1, ERROR, "Retry-After"),
        (61.0, 4.0, WARNING, "59 s ahead of"),  # 61 - 4 / 2 = 59
    ],
)
def test_the_clocks(skew: float, round_trip: float, level: Level, says: str) -> None:
    check = clock_check(skew, round_trip)
    assert check.level is level
    assert says in check.says


@pytest.mark.parametrize(
    ("dead", "level"), [(0, OK), (899, OK), (900, WARNING), (1000, WARNING), (1234, WARNING)]
)
def test_the_bound_on_dead_letters_is_announced(dead: int, level: Level) -> None:
    check = dead_letters_check(facts(dead=dead), 1000)
    assert check.level is level
    assert f"{dead:,} dead letters of at most 1,000" in check.says


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [
        ("NoPermissionError: User a has no permissions to run the 'eval' command", "ACL"),
        ("ResponseError: WRONGTYPE Operation against a key", "CONVERTRO_KEY_PREFIX"),
        ("ReadOnlyError: You can't write against a read only replica", "primary"),
        ("OutOfMemoryError: command not allowed when used memory > 'maxmemory'", "more memory"),
        ("ResponseError: MISCONF Redis is configured to save RDB snapshots", "disk space"),
        ("ResponseError: NOREPLICAS Not enough good replicas to write", "replicas"),
        ("ResponseError: UNKNOWN of a later release", "what Redis names"),
    ],
)
def test_a_dead_letter_that_cannot_be_written(refusal: str, remedy: str) -> None:
    check = dead_letters_check(facts(dead=None, refusal=refusal), 1000)
    assert check.level is ERROR
    assert refusal in check.says
    assert remedy in check.remedy


def test_an_old_redis_is_not_blamed_for_the_probe() -> None:
    old = facts(info={"redis_version": "6.2.14"}, dead=None, refusal="ResponseError: unexpected")
    assert dead_letters_check(old, 1000).level is NOT_CHECKED


@pytest.mark.parametrize(
    ("info", "config", "version", "level"),
    [
        ({"aof_enabled": 1}, {"appendfsync": "always"}, (7, 2), OK),
        ({"aof_enabled": 1}, {}, (7, 2), OK),
        ({"aof_enabled": 1}, {"appendfsync": "everysec"}, (7, 4), ERROR),
        ({"aof_enabled": 1}, {"appendfsync": "no"}, (7, 2), ERROR),
        ({"aof_enabled": 0}, {}, (7, 2), ERROR),
        ({"aof_enabled": 1}, {}, (7, 0), ERROR),
        ({}, {}, (), NOT_CHECKED),
    ],
)
def test_durability(
    info: Mapping[str, Any], config: Mapping[str, str], version: tuple[int, ...], level: Level
) -> None:
    assert durability_check(info, config, version).level is level


def test_durability_is_checked_when_it_is_asked_for() -> None:
    durable = Settings.model_validate({**COMPLETE, "durability": "fsync"})
    checks = redis_checks(durable, facts())
    assert found(checks, "durability").level is ERROR


# Redis that does not answer


@pytest.mark.parametrize(
    ("why", "says"),
    [
        (Why.AWAY, "Redis at redis.example:6379 is unavailable: refused"),
        (Why.LOADING, "Redis at redis.example:6379 is still loading its data"),
        (
            Why.BUSY,
            "Redis at redis.example:6379 runs another program's script and does nothing else",
        ),
        (Why.REFUSED, "Redis at redis.example:6379 refuses us: refused"),
    ],
)
def test_without_an_answer_the_rest_is_not_checked(why: Why, says: str) -> None:
    first, *rest = redis_checks(complete(), NoAnswer("redis.example:6379", why, "refused"))
    assert (first.name, first.level, first.says) == ("redis", ERROR, says)
    assert first.remedy
    assert [(check.name, check.level) for check in rest] == [
        (name, NOT_CHECKED) for name in REDIS_CHECKS
    ]


def wait(*answers: RedisAnswer) -> tuple[RedisAnswer, float]:
    """The final answer and how long it took, if the last of the given answers repeats for ever."""
    left = list(answers)
    clock = 0.0

    def pause(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    def ask() -> RedisAnswer:
        return left.pop(0) if len(left) > 1 else left[0]

    return wait_for_redis(ask, now=lambda: clock, pause=pause), clock


AWAY = NoAnswer("redis.example:6379", Why.AWAY)
LOADING = NoAnswer("redis.example:6379", Why.LOADING)
REFUSED = NoAnswer("redis.example:6379", Why.REFUSED)


def test_a_redis_that_is_there_is_not_waited_for() -> None:
    assert wait(facts()) == (facts(), 0)
    assert wait(REFUSED) == (REFUSED, 0)


def test_a_redis_that_is_not_there_yet_is_waited_for() -> None:
    assert wait(AWAY, AWAY, LOADING, facts()) == (facts(), 3)
    assert wait(AWAY, REFUSED) == (REFUSED, 1)


def test_the_wait_ends() -> None:
    assert wait(AWAY) == (AWAY, PATIENCE_SECONDS)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Run a server that answers every command with the same bytes; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while commands := connection.recv(65536):
                        connection.sendall(answer * f"\r\n{commands.decode()}".count("\r\n*"))

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", Why.LOADING),
        (b"-BUSY Redis is busy running a script.\r\n", Why.BUSY),
        (b"-NOAUTH Authentication required.\r\n", Why.REFUSED),
        (b"-ERR max number of clients reached\r\n", Why.AWAY),
    ],
)
def test_why_redis_does_not_answer(answer: bytes, why: Why) -> None:
    with answering(answer) as port:
        told = ask_redis(complete(redis_url=f"redis://127.0.0.1:{port}/0"))
    assert isinstance(told, NoAnswer)
    assert (told.why, told.address) == (why, f"127.0.0.1:{port}")


# What is outside


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379"),
        ("redis://user:secret@redis.example:6379/0?a=secret@b", "redis.example:6379"),
        ("rediss://:secret@[::1]:6379/0", "[::1]:6379"),
        ("sqs://key:top/secret@", "the host of the URL"),
        ("sqs://", "the host of the URL"),
        ("redis://user:secret?@redis.example/0", "the host of the URL"),
        ("sentinel://:secret@a:1;sentinel://:secret@b:2", "a:1, b:2"),
        ("sentinel://:secret@a:1,b:2/0", "a:1, b:2"),
        ("nonsense", "the host of the URL"),
    ],
)
def test_an_address_holds_no_secret(url: str, address: str) -> None:
    assert address_of(url) == address


def test_a_host_that_accepts_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check = connection_check(complete(base_url=f"http://127.0.0.1:{port}"))
    assert check == Check(OK, f"127.0.0.1:{port} accepts connections")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"base_url": "http://127.0.0.1:{closed}"}, "127.0.0.1:{closed} accepts no connection"),
        ({"base_url": "http://[::1]:{closed}"}, "[::1]:{closed} accepts no connection"),
        ({"base_url": "https://convertro.invalid"}, "convertro.invalid:443 is no known host"),
        ({"base_url": f"https://{'a' * 64}.invalid"}, "is no known host"),
        (
            {"proxy_url": "http://user:secret@127.0.0.1:{closed}"},
            "the proxy 127.0.0.1:{closed} accepts no connection",
        ),
        ({"proxy_url": "127.0.0.1:{closed}"}, "the proxy 127.0.0.1:{closed} accepts no"),
    ],
)
def test_a_host_that_cannot_be_reached_is_a_warning(settings: Mapping[str, str], says: str) -> None:
    port = str(free_port())
    given = {name: value.replace("{closed}", port) for name, value in settings.items()}
    check = connection_check(complete(**given))
    assert check.level is WARNING
    assert says.replace("{closed}", port) in check.says
    assert "secret" not in check.sentence


def test_a_broker_of_its_own_is_tried() -> None:
    port = free_port()
    check = broker_check(complete(broker_url=f"redis://:secret@127.0.0.1:{port}/0"))
    assert check.level is WARNING
    assert check.says.startswith(f"127.0.0.1:{port} cannot be used")
    assert "secret" not in check.sentence


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://:secret@broker.example",
        "nonsense+amqp://:secret@broker.example",
        "amqp://user:secret@broker.example:port//",
        "amqp://user:pa[secret]@broker.example//",
        "amqp://:secret@[::1",
        "amqp://broker.example//;nonsense://:secret@broker.example",
        "sqs://key:secret@",
        "zookeeper://:secret@broker.example",
    ],
)
def test_a_broker_that_cannot_be_used_is_an_error(url: str) -> None:
    check = broker_check(complete(broker_url=url))
    assert check.level is ERROR
    assert check.says.startswith("CONVERTRO_BROKER_URL leads to no broker")
    assert "secret" not in check.sentence


def test_a_broker_that_is_too_old_is_said_to_be() -> None:
    """As before 7.0, fakeredis takes the flags with which scripts begin for a part of them."""
    with TcpFakeServer(("127.0.0.1", 0), server_version=(6, 0)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        check = broker_check(complete(broker_url=f"redis://{address}/0"))
        server.shutdown()
    assert check.level is WARNING
    assert check.says == f"{address} is too old: a worker cannot hear of events"
    assert check.remedy == "use Redis or Valkey 7.0 or newer"


@pytest.mark.parametrize("broker_url", [None, "redis://127.0.0.1:6379/0"])
def test_the_journals_redis_is_not_tried_twice(broker_url: str | None) -> None:
    assert broker_check(complete(broker_url=broker_url), redis_answers=False).level is OK


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({}, NOT_CHECKED),
        ({"connected_clients": 3, "maxclients": 10_000}, OK),
        ({"connected_clients": 80, "maxclients": 100}, OK),
        ({"connected_clients": 81, "maxclients": 100}, WARNING),
    ],
)
def test_connections_that_run_out(info: Mapping[str, int], level: Level) -> None:
    check = connections_check(info)
    assert check.level is level
    if level is WARNING:
        assert check.says.startswith("81 of at most 100 connections are taken (maxclients)")


# The command's answer


@pytest.mark.parametrize(
    ("checks", "code", "sentence"),
    [
        ({"role": OK}, 0, "no warnings, no errors: workers will start"),
        ({"role": NOT_CHECKED}, 0, "no warnings, no errors: workers will start"),
        (
            {"memory": WARNING, "clock": WARNING},
            0,
            "2 warnings, no errors: workers will start",
        ),
        ({"role": ERROR, "clock": WARNING}, 1, "1 error, 1 warning: workers will not start"),
        ({"redis": ERROR, "clock": ERROR}, 3, "2 errors, no warnings: workers will not start"),
        ({"redis": ERROR, "settings": ERROR}, 2, "2 errors, no warnings: workers will not start"),
    ],
)
def test_the_exit_code_and_the_last_line(
    checks: Mapping[str, Level], code: int, sentence: str
) -> None:
    listed = [Check(level, "", name=name) for name, level in checks.items()]
    assert exit_code(listed) == ExitCode(code)
    assert summary(listed) == sentence
