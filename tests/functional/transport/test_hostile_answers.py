"""Whatever a destination answers leads to one outcome, soon and with little memory."""

import subprocess
import sys

import pytest

from config.settings import Settings
from tests.support.hostile.answers import CASES, ELSEWHERE, SLOW, check_random_answers, http
from tests.support.raw_server import OK, RawServer, answer, raw_server, then_close
from tests.support.waiting import until
from worker.outcomes import Outcome
from worker.transport.transport import Transport

PATH = "/v1/acme/1234/events"
BODY = b'{"domain":"shop.example.com"}'

#: The memory beyond that of an ordinary answer, in kilobytes, that the interpreter itself may take.
MEMORY_KB = 8 * 1024


def transport_to(server: RawServer, read_timeout_seconds: float = 20) -> Transport:
    return Transport(
        Settings(base_url=server.base_url, read_timeout_seconds=read_timeout_seconds, concurrency=2)
    )


def send(transport: Transport, key: str = "event/0") -> Outcome:
    return transport.send(PATH, BODY, key)


@pytest.mark.parametrize("connection", ["new", "kept"])
@pytest.mark.parametrize("name", CASES)
def test_each_broken_answer_has_its_outcome_and_does_not_affect_the_next(
    server: RawServer, name: str, connection: str
) -> None:
    act, outcome_class, detail = CASES[name]
    transport = transport_to(server, read_timeout_seconds=0.5 if name in SLOW else 20)
    if connection == "kept":
        send(transport, "before/0")
    server.will(act)
    outcome = send(transport)
    assert (outcome.outcome_class, outcome.detail) == (outcome_class, detail)
    assert send(transport, "next/0").outcome_class == "accepted"
    assert len(server.requests) == 2 + (connection == "kept")
    transport.close()


@pytest.mark.parametrize("status", [b"301", b"302", b"303", b"307", b"308"])
def test_a_redirect_is_not_followed(server: RawServer, status: bytes) -> None:
    with raw_server() as other:
        port = other.listener.getsockname()[1]
        server.will(answer(http(b"", ELSEWHERE % port, status=status + b" Moved")))
        transport = transport_to(server)
        outcome = send(transport)
        transport.close()
        assert (outcome.outcome_class, outcome.detail) == ("setup", f"http_{status.decode()}")
        assert (len(server.requests), other.connections) == (1, 0)


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(
    server: RawServer,
) -> None:
    server.will(then_close(OK))
    transport = transport_to(server)
    assert send(transport).outcome_class == "accepted"
    until(lambda: server.closed == 1)
    assert send(transport, "next/0").outcome_class == "accepted"
    assert (server.connections, len(server.requests)) == (2, 2)
    transport.close()


def test_an_ordinary_connection_is_kept(server: RawServer) -> None:
    transport = transport_to(server)
    server.will(answer(OK), answer(http(b"no", status=b"404 Not Found")), answer(http()))
    details = [send(transport, f"event/{number}").detail for number in range(4)]
    assert details == ["accepted", "http_404", "accepted", "accepted"]
    assert server.connections == 1
    transport.close()


#: Answers that are large, or claim to be.
LARGE = (
    *("gzip bomb", "gzip bomb in gzip", "deflate bomb", "endless body", "endless chunks"),
    *("endless headers", "ninety long headers", "header of a megabyte", "endless 103"),
    *("endless empty members", "length beyond all memory", "chunk beyond all memory"),
    *("too deeply nested", "endless trailer"),
)

#: A script that prints its greatest memory so far, and the detail of the outcome.
MEASURE = """
import sys
from pathlib import Path
from config.settings import Settings
from worker.transport.transport import Transport

transport = Transport(Settings(base_url=sys.argv[1], read_timeout_seconds=5, concurrency=2))
for _ in range(int(sys.argv[2])):
    detail = transport.send("/path", b"{}", "event/0").detail
    # Not getrusage: there a process inherits the greatest memory of its parent.
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], detail)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak of memory")
def test_an_answer_takes_little_memory_however_large_it_is(server: RawServer) -> None:
    server.will(answer(OK), *(CASES[name][0] for name in LARGE))
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, server.base_url, str(1 + len(LARGE))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    peaks_kb = [int(line.split()[0]) for line in told]
    assert [line.split()[1] for line in told] == ["accepted", *(CASES[name][2] for name in LARGE)]
    print(f"{peaks_kb[-1] - peaks_kb[0]} kB for {len(LARGE)} large answers")
    assert peaks_kb[-1] - peaks_kb[0] < MEMORY_KB


def test_random_bytes_are_an_outcome_too(server: RawServer) -> None:
    check_random_answers(server, 300)
