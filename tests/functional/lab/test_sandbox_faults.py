"""Each kind of fault of the sandbox, and each way to select requests."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from tests.support.sandbox_requests import (
    EVENT,
    EVENTS_PATH,
    IMPATIENT_SECONDS,
    LONG_SECONDS,
    connect,
    read_to_the_end,
    send,
    statuses,
)
from tests.support.waiting import PATIENCE_SECONDS, refuses_connections, until
from worker.lab.sandbox.client import SandboxError
from worker.lab.sandbox.process import SandboxProcess

#: A request without its body.
HEAD = (
    f"POST {EVENTS_PATH} HTTP/1.1\r\nHost: sandbox\r\nIdempotency-Key: a/0\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(json.dumps(EVENT))}\r\n\r\n"
).encode()


# Each fault


@pytest.mark.parametrize(
    ("rule", "status", "headers"),
    [
        ("status=503", 503, {}),
        ("status=429,retry_after=2", 429, {"Retry-After": "2"}),
        (
            "status=503,retry_after=Wed, 21 Oct 2026 07:28:00 GMT",
            503,
            {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"},
        ),
        ("status=302", 302, {}),
        ("status=304", 304, {}),
    ],
)
def test_status_answers_so_and_accepts_nothing(
    sandbox: SandboxProcess, rule: str, status: int, headers: dict[str, str]
) -> None:
    sandbox.client.add_fault(rule)
    answer = send(sandbox)
    assert answer.status_code == status
    assert headers.items() <= answer.headers.items()
    assert sandbox.client.calls() == []
    summary = sandbox.client.summary()
    assert (summary.by_status, summary.by_fault) == ({status: 1}, {"status": 1})


def test_a_status_of_success_accepts(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=202")
    assert send(sandbox).status_code == 202
    assert sandbox.client.summary().accepted == 1


def test_a_failing_answer_may_hide_an_acceptance(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=500,accepts=true,times=1")
    assert statuses(sandbox, "a/0", "a/0") == [500, 200]
    [call] = sandbox.client.calls()
    assert call.times == 2


def test_a_wrong_call_is_never_accepted_by_a_fault(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=500,accepts=true")
    assert send(sandbox, body=b"{}").status_code == 500
    assert sandbox.client.calls() == []


def test_error_body_is_a_200_that_says_error(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("error-body=over quota, sorry")
    answer = send(sandbox)
    assert answer.status_code == 200
    assert answer.json() == {"status": "error", "message": "over quota, sorry"}
    assert sandbox.client.calls() == []


def test_web_page_is_a_200_of_html(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("web-page")
    answer = send(sandbox)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert sandbox.client.calls() == []


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_late_answer_is_the_real_one(sandbox: SandboxProcess, kind: str) -> None:
    sandbox.client.add_fault(f"{kind}=0.05,times=2")
    answer = send(sandbox)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert send(sandbox, body={}).status_code == 400
    assert sandbox.client.summary().by_fault == {kind: 2}


@pytest.mark.parametrize("rule", [f"slow={LONG_SECONDS}", "hang", f"hang={LONG_SECONDS}"])
def test_a_client_that_does_not_wait_finds_its_call_accepted(
    sandbox: SandboxProcess, rule: str
) -> None:
    sandbox.client.add_fault(f"{rule},times=1")
    with pytest.raises(requests.ReadTimeout):
        send(sandbox, timeout=IMPATIENT_SECONDS)
    assert send(sandbox).status_code == 200
    [call] = sandbox.client.calls()
    assert call.times == 2
    assert sandbox.client.summary().unanswered == 1


def test_drip_sends_something_at_once_and_the_rest_slowly(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault(f"drip={LONG_SECONDS}")
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=PATIENCE_SECONDS)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a/0"}
    connection.request("POST", EVENTS_PATH, json.dumps(EVENT), headers)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Length"]) == (200, "15")
    connection.close()
    assert sandbox.client.summary().unanswered == 1


def test_hang_with_a_delay_hangs_up(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("hang=0.05")
    with pytest.raises(requests.ConnectionError):
        send(sandbox)
    assert sandbox.client.summary().accepted == 1


def test_reset_breaks_off_in_the_middle_of_the_answer(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("reset")
    received = bytearray()
    with connect(sandbox) as connection:
        connection.sendall(HEAD + json.dumps(EVENT).encode())
        with pytest.raises(ConnectionResetError):
            read_to_the_end(connection, received)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"Content-Length: 15\r\n" in received
    assert received.endswith(b'\r\n\r\n{"statu')
    assert sandbox.client.summary().accepted == 1


def test_reset_may_accept_nothing(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("reset,accepts=false")
    with pytest.raises(requests.RequestException):
        send(sandbox)
    assert sandbox.client.summary().accepted == 0


def test_refuse_stops_listening_and_then_listens_again_on_the_same_port(
    sandbox: SandboxProcess,
) -> None:
    idle = HTTPConnection("127.0.0.1", sandbox.port, timeout=PATIENCE_SECONDS)
    idle.request("GET", "/_sandbox/health")
    idle.getresponse().read()
    sandbox.client.add_fault("refuse,for=1.5")
    until(lambda: refuses_connections(sandbox.port))
    assert idle.sock.recv(1) == b""
    idle.close()
    sandbox.client.wait_until_ready(PATIENCE_SECONDS)
    assert statuses(sandbox, "a/0") == [200]
    assert [rule["state"] for rule in sandbox.client.faults()] == ["over"]


def test_refuse_lets_answers_under_way_finish(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("slow=0.5")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(send, sandbox)
        until(lambda: sandbox.client.summary().requests == 1)
        sandbox.client.add_fault("refuse,for=0.2")
        assert answer.result().status_code == 200
    sandbox.client.wait_until_ready(PATIENCE_SECONDS)


def test_refuse_cuts_off_what_was_not_read_yet_and_does_not_accept_it(
    sandbox: SandboxProcess,
) -> None:
    received = bytearray()
    with connect(sandbox) as connection:
        connection.sendall(HEAD)
        sandbox.client.add_fault("refuse,for=0.2")
        with contextlib.suppress(ConnectionResetError):  # some of it may have been on its way
            read_to_the_end(connection, received)
    assert received == b""
    sandbox.client.wait_until_ready(PATIENCE_SECONDS)
    assert sandbox.client.summary().requests == 0


def test_refuse_windows_may_overlap_and_can_be_called_off(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault(f"refuse,after={LONG_SECONDS},for=1")
    sandbox.client.clear_faults()
    for _ in range(2):
        sandbox.client.add_fault("refuse,after=0.2,for=0.3")
    until(lambda: refuses_connections(sandbox.port))
    sandbox.client.wait_until_ready(PATIENCE_SECONDS)


# Each selection


def test_the_first_requests_only(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,times=2")
    assert statuses(sandbox, "a/0", "b/0", "c/0") == [503, 503, 200]


def test_the_first_requests_of_each_key(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,times=1,per_key=true")
    assert statuses(sandbox, "a/0", "b/0", "a/0", "b/0") == [503, 503, 200, 200]


def test_the_nth_request(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,nth=2")
    assert statuses(sandbox, "a/0", "b/0", "c/0") == [200, 503, 200]


def test_requests_with_a_text_in_key_or_body(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,match=evt-42")
    assert statuses(sandbox, "evt-42/0", "evt-41/0") == [503, 200]
    assert send(sandbox, "c/0", EVENT | {"event_id": "evt-42"}).status_code == 503


def test_requests_to_an_endpoint(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault({"kind": "status", "code": 503, "endpoint": "users"})
    assert send(sandbox, path="/v1/acme/site-1/users").status_code == 503
    assert send(sandbox).status_code == 200


def test_the_first_rule_that_applies_answers(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,times=1")
    sandbox.client.add_fault("status=500,times=1")
    assert statuses(sandbox, "a/0", "b/0", "c/0") == [503, 500, 200]
    assert [rule["fired"] for rule in sandbox.client.faults()] == [1, 1]


def test_a_ratio_is_repeatable_by_its_seed() -> None:
    keys = [f"evt-{number}/0" for number in range(40)]
    runs = []
    for _ in range(2):
        with SandboxProcess("--seed", "7", "--fault", "status=503,ratio=0.5") as sandbox:
            runs.append(statuses(sandbox, *keys))
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_a_window_ends(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,for=0.3")
    until(lambda: send(sandbox).status_code == 200)
    assert [rule["state"] for rule in sandbox.client.faults()] == ["over"]


def test_a_window_begins_later(sandbox: SandboxProcess) -> None:
    sandbox.client.add_fault("status=503,after=0.3")
    until(lambda: send(sandbox).status_code == 503)
    assert [rule["state"] for rule in sandbox.client.faults()] == ["active"]


def test_rules_can_be_listed_and_dropped(sandbox: SandboxProcess) -> None:
    number = sandbox.client.add_fault("status=503,times=2")
    assert sandbox.client.faults() == [
        {
            "number": number,
            "rule": {"kind": "status", "code": 503, "times": 2},
            "state": "active",
            "fired": 0,
        }
    ]
    sandbox.client.clear_faults()
    assert sandbox.client.faults() == []
    assert statuses(sandbox, "a/0") == [200]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("status=teapot", "code: Input should be a valid integer"),
        ({"kind": "explode"}, "kind: Input should be 'status'"),
        ('{"kind":', "the rule is not JSON"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_reason(
    sandbox: SandboxProcess, rule: Any, message: str
) -> None:
    with pytest.raises(SandboxError, match=message):
        sandbox.client.add_fault(rule)
