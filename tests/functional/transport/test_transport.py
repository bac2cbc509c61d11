"""One HTTP attempt against the sandbox, and against a port on which no process listens."""

import socket
from collections.abc import Iterator

import pytest

from config.settings import Settings
from worker.lab.sandbox.process import SandboxProcess
from worker.transport.transport import Transport

PATH = "/v1/acme/1234/events"
BODY = (
    b'{"domain":"shop.example.com","device_id":"B5372DB0","event_type":"Upgraded",'
    b'"event_value":1,"timestamp":"2026-05-04T10:15:30.123Z"}'
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def transport(sandbox: SandboxProcess) -> Iterator[Transport]:
    sandbox.client.clear_faults()
    transport = Transport(
        Settings(base_url=sandbox.base_url, read_timeout_seconds=0.5, concurrency=2)
    )
    yield transport
    transport.close()


@pytest.mark.parametrize(
    ("fault", "expected", "detail"),
    [
        ("status=204", "accepted", "accepted"),
        ("status=400", "rejected", "http_400"),
        ("status=301", "setup", "http_301"),
        ("status=401", "setup", "http_401"),
        ("status=429", "throttled", "http_429"),
        ("status=500", "ambiguous", "http_500"),
        ("slow=0.1", "accepted", "accepted"),
        ("hang=5", "ambiguous", "read_timeout"),
        ("reset", "ambiguous", "answer_cut_off"),
        ("error-body", "rejected", "error_in_body"),
        ("web-page", "setup", "web_page"),
    ],
)
def test_each_way_to_misbehave_has_its_outcome(
    sandbox: SandboxProcess, transport: Transport, fault: str, expected: str, detail: str
) -> None:
    sandbox.client.add_fault(fault)
    outcome = transport.send(PATH, BODY, f"{fault}/0")
    assert (outcome.outcome_class, outcome.detail) == (expected, detail)


def test_a_contract_violation_is_rejected(transport: Transport) -> None:
    assert transport.send(PATH, b'{"domain":"d"}', "key/0").status == 400


def test_retry_after_is_passed_on(sandbox: SandboxProcess, transport: Transport) -> None:
    sandbox.client.add_fault("status=503,retry_after=7")
    outcome = transport.send(PATH, BODY, "key/0")
    assert (outcome.outcome_class, outcome.retry_after_seconds) == ("throttled", 7.0)


def test_the_key_reaches_convertro(sandbox: SandboxProcess, transport: Transport) -> None:
    transport.send(PATH, BODY, "the-key/3")
    (call,) = sandbox.client.calls("the-key/3")
    assert call.path == PATH
    assert call.body["event_type"] == "Upgraded"


def test_a_connection_is_kept_and_a_broken_one_replaced(
    sandbox: SandboxProcess, transport: Transport
) -> None:
    for number in range(20):
        transport.send(PATH, BODY, f"kept/{number}")
    pool = transport._adapter.pool
    assert (pool.num_connections, pool.num_requests) == (1, 20)
    sandbox.client.add_fault("reset,times=1")
    transport.send(PATH, BODY, "broken/0")
    assert transport.send(PATH, BODY, "broken/0").outcome_class == "accepted"


@pytest.mark.parametrize(
    ("base_url", "detail"),
    [
        ("http://127.0.0.1:{closed}", "no_connection"),
        ("https://127.0.0.1:{sandbox}", "tls_failure"),
        ("https://no-such-host.invalid", "no_connection"),
    ],
    ids=["refused", "no TLS there", "unknown name"],
)
def test_a_convertro_that_cannot_be_reached(
    sandbox: SandboxProcess, base_url: str, detail: str
) -> None:
    with socket.socket() as probe:  # bound, but not listening
        probe.bind(("127.0.0.1", 0))
        url = base_url.format(closed=probe.getsockname()[1], sandbox=sandbox.port)
        transport = Transport(Settings(base_url=url, connect_timeout_seconds=2))
        assert transport.send(PATH, BODY, "key/0").detail == detail
        transport.close()
