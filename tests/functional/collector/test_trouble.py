"""The journal is unavailable or full, the collector is asked to stop, clients are slow."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPResponse

import pytest

from config.settings import Settings
from convertro.async_intake import AsyncIntake
from tests.support.collector_process import BASIC, KEY, CollectorProcess
from tests.support.events import mobile_track
from tests.support.exposition import value
from tests.support.killed_server import Server
from tests.support.waiting import PATIENCE_SECONDS, refuses_connections, until
from worker.collector import application, server
from worker.collector.application import Application
from worker.collector.metrics import CollectorMetrics
from worker.collector.write_keys import WriteKeys
from worker.lab.demo.stack import Stack
from worker.status.health import Health, Verdict


def test_while_the_journal_is_away_or_full_clients_are_told_to_come_again(stack: Stack) -> None:
    redis = Server(stack)
    with CollectorProcess(stack.environment) as collector:
        for number, trouble in enumerate((redis.down, redis.hung, redis.full)):
            batch = {"batch": [mobile_track(messageId=f"m{number}-{index}") for index in range(30)]}
            with trouble():
                answer = collector.post("/v1/batch", batch)
                assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
                assert collector.ask("GET", "/readyz", headers={}).status == 503
                assert collector.ask("GET", "/healthz", headers={}).status == 200
            # After a hang it refuses at once for a moment.
            deadline = time.monotonic() + PATIENCE_SECONDS
            while (answer := collector.post("/v1/batch", batch)).status == 503:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert answer.status == 200
            assert collector.ask("GET", "/readyz", headers={}).status == 200
        text = collector.metrics()
        log = collector.log
    snapshot = stack.producer().journal.snapshot()
    assert snapshot.total("accepted") == 90
    assert value(text, "convertro_collector_requests_total", route="batch", status="200") == 3
    assert '"action": "journal_unavailable"' in log
    assert '"action": "journal_back"' in log


def test_a_collector_that_is_stopped_answers_what_it_has_read(stack: Stack) -> None:
    body = json.dumps(mobile_track(messageId="m1")).encode()
    with (
        CollectorProcess(stack.environment) as collector,
        collector.begin("/v1/track", len(body)) as connection,
    ):
        with Server(stack).hung():
            collector.process.send_signal(signal.SIGTERM)
            until(lambda: refuses_connections(collector.port))
            connection.sendall(body)
        with HTTPResponse(connection) as answer:
            answer.begin()
        assert collector.process.wait(PATIENCE_SECONDS) == 0
    # On a slow machine Redis may hang for longer than the collector waits.
    assert answer.status in {200, 503}
    assert answer.status == 503 or stack.producer().journal.snapshot().total("accepted") == 1


async def all_well() -> Verdict:
    return Verdict(Health.GOOD, "ready")


@asynccontextmanager
async def listening_collector() -> AsyncIterator[socket.socket]:
    """The socket of a collector in this process, without a journal."""
    metrics = CollectorMetrics()
    handler = Application(
        Settings(),
        keys=WriteKeys([KEY]),
        intake=AsyncIntake(None),  # type: ignore[arg-type]  no request gets so far
        metrics=metrics,
        judge=all_well,
    ).handle
    with socket.create_server(("127.0.0.1", 0)) as listening:
        collector = server.CollectorServer(handler, metrics, 10)
        async with await asyncio.get_running_loop().create_server(collector, sock=listening):
            yield listening


def exchange_with_slow(sent: bytes) -> bytes:
    """Send some bytes and nothing more to a collector without a journal; return its answer."""

    async def run() -> bytes:
        async with listening_collector() as listening:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(sent)
            try:
                return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
            finally:
                writer.close()
                await writer.wait_closed()

    return asyncio.run(run())


HEAD = (
    f"POST /v1/t HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC['Authorization']}\r\n"
    "Content-Length: 100\r\n\r\n"
).encode()


@pytest.mark.parametrize("begun", [b"", b"POST /v1/t HTTP/1.1\r\nHost: x\r\n"])
def test_a_client_that_sends_no_request_is_disconnected(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_FIRST_REQUEST_SECONDS", 0.1)
    assert exchange_with_slow(begun) == b""


def test_a_body_that_does_not_come_in_time_is_answered_with_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", 0.1)
    answer = exchange_with_slow(HEAD + b"{")
    # Not 408, at which the libraries for Android and Ruby drop the events.
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 2\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer


def test_who_reads_no_answers_is_answered_no_further_and_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "_UNREAD_SECONDS", 0.1)
    requests = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000

    async def run() -> None:
        async with listening_collector() as listening:
            with socket.socket() as client:
                for one in (listening, client):  # so that little fits in between
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, listening.getsockname())
                await asyncio.wait_for(loop.sock_sendall(client, requests), PATIENCE_SECONDS)

    with pytest.raises(ConnectionError):
        asyncio.run(run())
