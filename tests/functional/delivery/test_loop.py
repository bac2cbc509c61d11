"""One thread waits for all answers; other threads do what may block."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Settings
from tests.support.certificates import Authority
from tests.support.events import NEW_BUYER, mobile_track
from tests.support.fakes import FakeJournal, claimed
from tests.support.hostile.answers import CASES, SLOW, UNAVAILABLE
from tests.support.raw_server import OK, RawServer, answer, raw_server, silence
from tests.support.waiting import until
from worker.delivery import threads
from worker.delivery.event import Delivery
from worker.delivery.loop import DeliveryLoop
from worker.delivery.threads import EventThreads, Outbox, Result
from worker.journal.records import Finish, Move
from worker.transport import connections
from worker.transport import transport as transport_module
from worker.transport.transport import Transport


@dataclass
class Bench:
    """A loop that delivers to a server."""

    server: RawServer
    loop: DeliveryLoop
    outbox: Outbox = field(default_factory=Outbox)
    results: list[Result] = field(default_factory=list)

    def submit(self, *names: str, event: Any = None) -> None:
        raw = json.dumps(event or mobile_track()).encode()
        self.loop.submit([claimed(raw, event_id=name) for name in names], self.outbox)

    def wait(self, number: int) -> dict[str, Finish | None]:
        """Wait for `number` results; return the finishes by event id."""

        def are_there() -> bool:
            self.results += self.outbox.take()
            return len(self.results) >= number

        until(are_there)
        taken, self.results = self.results, []
        return {event.event_id: finish for event, finish in taken}

    def deliver(self, *names: str, event: Any = None) -> dict[str, Finish | None]:
        self.submit(*names, event=event)
        return self.wait(len(names))


@contextmanager
def bench_of(threads: int = 4, tls: Any = None, **settings: Any) -> Iterator[Bench]:
    with raw_server(tls=tls) as server:
        given = {"read_timeout_seconds": 20, "blip_tries": 1, **settings}
        made = Settings(
            client_name="acme",
            site_id="1234",
            domain="shop.example.com",
            base_url=server.base_url,
            hybrid_attribution_model=True,
            **given,
        )
        transport = Transport(made)
        delivery = Delivery(made, transport, FakeJournal())
        yield Bench(server, DeliveryLoop(delivery, transport, EventThreads(threads)))
        transport.close()


def moved(finish: Finish | None) -> tuple[Move, list[str]]:
    assert finish is not None
    return finish.move, [attempt.detail for attempt in finish.attempts]


DELIVERED = (Move.DELIVERED, ["accepted"])


@pytest.mark.parametrize("name", CASES)
def test_each_broken_answer_has_its_outcome_and_does_not_affect_the_next(name: str) -> None:
    act, outcome_class, detail = CASES[name]
    with bench_of(read_timeout_seconds=0.5 if name in SLOW else 20) as bench:
        assert moved(bench.deliver("before")["before"]) == DELIVERED
        bench.server.will(act)
        finish = bench.deliver("odd")["odd"]
        assert finish is not None
        attempts = [(attempt.outcome_class, attempt.detail) for attempt in finish.attempts]
        assert attempts == [(outcome_class, detail)]
        assert moved(bench.deliver("next")["next"]) == DELIVERED
        assert len(bench.server.requests) == 3


def test_a_request_without_an_answer_blocks_neither_other_events_nor_threads() -> None:
    with bench_of(threads=2, read_timeout_seconds=1) as bench:
        bench.deliver("before")
        bench.server.will(silence)
        bench.submit("silent")
        until(lambda: len(bench.server.requests) == 2)
        for number in range(20):
            assert moved(bench.deliver(f"{number}")[f"{number}"]) == DELIVERED
        assert moved(bench.wait(1)["silent"]) == (Move.POSTPONED, ["read_timeout"])


def test_no_thread_is_needed_over_an_open_connection() -> None:
    with bench_of(threads=1) as bench:
        release = Event()
        bench.server.will(lambda *_: release.wait() and answer(OK)(*_))
        bench.submit("first")
        until(lambda: len(bench.server.requests) == 1)
        bench.submit("second")  # the only thread is busy with the first
        release.set()
        assert bench.wait(2).keys() == {"first", "second"}
        held = Event()
        bench.server.will(lambda *_: held.wait() and answer(OK)(*_))
        bench.submit("held")  # the only connection waits for its answer
        until(lambda: len(bench.server.requests) == 3)
        bench.submit("new")
        until(lambda: bench.server.connections == 2)
        assert moved(bench.wait(1)["new"]) == DELIVERED
        # An answer that comes in pieces occupies the only thread until its end.
        cut = Event()
        bench.server.will(
            lambda _, connection: bool(
                connection.sendall(OK[:9]) or (cut.wait() and connection.sendall(OK[9:]))
            )
        )
        bench.submit("cut")
        until(lambda: len(bench.server.requests) == 5)
        held.set()
        assert moved(bench.wait(1)["held"]) == DELIVERED
        for number in range(3):
            assert moved(bench.deliver(f"{number}")[f"{number}"]) == DELIVERED
        cut.set()
        assert moved(bench.wait(1)["cut"]) == DELIVERED


def test_many_are_in_flight_at_once_and_arrive_once_each() -> None:
    with bench_of(threads=40, concurrency=40) as bench:
        bench.server.usual = lambda *_: bool(time.sleep(0.05)) or answer(OK)(*_)
        for turn in range(5):
            names = [f"{turn}-{number}" for number in range(40)]
            finishes = bench.deliver(*names)
            assert {name: moved(finish) for name, finish in finishes.items()} == dict.fromkeys(
                names, DELIVERED
            )
        assert bench.server.connections <= 40
        assert len(set(bench.server.requests)) == len(bench.server.requests) == 200


LONG = mobile_track(event="x" * 30_000)


def make_buffers_small(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the buffers between worker and server smaller than `LONG`."""
    small = (socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    real = connections.open_socket
    monkeypatch.setattr(connections, "open_socket", lambda *given: real(*given, small))
    bench.server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


@pytest.mark.parametrize("speaks_tls", [False, True], ids=["plain", "TLS"])
def test_a_request_that_no_buffer_holds_is_sent_to_its_end(
    speaks_tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "ours")
    tls = authority.server_side() if speaks_tls else None
    with bench_of(
        tls=tls, ca_bundle=str(authority.path), read_timeout_seconds=100, lease_seconds=600
    ) as bench:
        make_buffers_small(bench, monkeypatch)
        bench.deliver("before")
        assert moved(bench.deliver("long", event=LONG)["long"]) == DELIVERED
        assert moved(bench.deliver("next")["next"]) == DELIVERED
        assert len(bench.server.requests[1]) > 30_000
        assert bench.server.connections == 1


def test_a_thread_sends_such_a_request_to_its_end_over_a_kept_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench_of() as bench:
        make_buffers_small(bench, monkeypatch)
        bench.deliver("before")
        bench.deliver("leaves the socket so that it waits for nothing")
        with monkeypatch.context() as patched:
            patched.setattr(Transport, "begin", lambda *_: None)
            assert moved(bench.deliver("long", event=LONG)["long"]) == DELIVERED
        assert bench.server.connections == 1


def test_over_tls_connections_are_kept_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    with bench_of(tls=authority.server_side(), ca_bundle=str(authority.path)) as bench:
        for number in range(20):
            assert moved(bench.deliver(f"{number}")[f"{number}"]) == DELIVERED
        assert (bench.server.connections, len(bench.server.requests)) == (1, 20)


def test_while_a_blip_is_tried_again_the_others_go_on() -> None:
    with bench_of(blip_tries=2) as bench:
        bench.deliver("before")
        release = Event()
        bench.server.will(answer(UNAVAILABLE), lambda *_: release.wait() and answer(OK)(*_))
        bench.submit("blip")
        until(lambda: len(bench.server.requests) == 3)
        for number in range(3):
            assert moved(bench.deliver(f"{number}")[f"{number}"]) == DELIVERED
        release.set()
        assert moved(bench.wait(1)["blip"]) == (Move.DELIVERED, ["http_503", "accepted"])


def test_an_event_may_take_several_calls() -> None:
    with bench_of() as bench:
        bench.deliver("before")
        finish = bench.deliver("event", event=NEW_BUYER)["event"]
        assert moved(finish) == DELIVERED  # the first call was recorded before
        assert len(bench.server.requests) == 3


def test_an_event_that_is_not_sent_ends_at_once() -> None:
    with bench_of() as bench:
        finish = bench.deliver("event", event={"type": "page"})["event"]
        assert finish is not None
        assert finish.move in {Move.SKIPPED, Move.DEAD}
        assert bench.server.requests == []


def test_code_that_fails_over_an_answer_makes_its_event_a_dead_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> Any:
        raise ValueError("said by the event")

    with bench_of() as bench:
        bench.deliver("before")
        with monkeypatch.context() as patched:
            patched.setattr(transport_module, "classify", fail)
            finish = bench.deliver("event")["event"]
        assert finish is not None
        assert (finish.move, finish.reason) == (Move.DEAD, "unexpected_error")
        assert len(bench.server.requests) == 2
        assert moved(bench.deliver("next")["next"]) == DELIVERED
        assert bench.server.connections == 1


@pytest.mark.parametrize(("part", "step"), [(Transport, "begin"), (Delivery, "go_on")])
def test_an_unexpected_error_does_not_affect_other_events(
    part: type, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OutOfTheBlueError(BaseException):
        pass

    def fail(*_: Any) -> Any:
        raise OutOfTheBlueError

    with bench_of() as bench:
        bench.deliver("before")
        with monkeypatch.context() as patched:
            patched.setattr(part, step, fail)
            assert bench.deliver("event") == {"event": None}
        assert moved(bench.deliver("next")["next"]) == DELIVERED


def test_a_log_that_cannot_be_written_does_not_affect_other_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("no space left")

    with bench_of() as bench:
        bench.deliver("before")
        with monkeypatch.context() as patched:
            patched.setattr(Delivery, "go_on", fail)
            patched.setattr(threads, "log", SimpleNamespace(warning=fail))
            assert bench.deliver("event") == {"event": None}
        assert moved(bench.deliver("next")["next"]) == DELIVERED
