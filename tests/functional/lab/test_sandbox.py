"""The sandbox as its users see it: a process that checks and records requests."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_requests import (
    EVENT,
    send,
    statuses,
)
from worker.lab.sandbox.process import SandboxProcess

# The contract


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("users", {"domain": "shop.example", "user_id": "7", "traits": {"id": "7"}}),
        ("users", {"domain": "shop.example", "device_id": "d-1", "user_id": "u-1"}),
        ("events", EVENT | {"event_value": 0, "timestamp": "2026-03-01T12:30:00Z"}),
        (
            "events",
            {"domain": "s", "device_id": "d-1", "event_type": "Level Up", "event_value": 1},
        ),
        ("installs", {"domain": "s", "device_id": "d-1", "app": {"build": 3}, "os": {}}),
    ],
    ids=["TrackUser", "LinkDevice", "TrackEvent", "DeviceEvent", "Install"],
)
def test_a_right_call_is_accepted_and_recorded(
    sandbox: SandboxProcess, endpoint: str, body: dict[str, Any]
) -> None:
    answer = send(sandbox, "evt-1/0", body, path=f"/v1/acme/site-1/{endpoint}")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"].startswith("application/json")
    [call] = sandbox.client.calls()
    assert (call.key, call.endpoint, call.times) == ("evt-1/0", endpoint, 1)
    assert (call.path, call.body) == (f"/v1/acme/site-1/{endpoint}", body)
    assert call.received_at.tzinfo is not None


@pytest.mark.parametrize(
    ("wrong", "status", "message"),
    [
        pytest.param({"path": "/v1/acme/orders"}, 404, "no such path", id="path"),
        pytest.param({"method": "PUT"}, 405, "PUT is not allowed", id="method"),
        pytest.param({"headers": {"Content-Type": "text/xml"}}, 415, "content type", id="type"),
        pytest.param({"key": None}, 400, "Idempotency-Key header is required", id="no-key"),
        pytest.param({"body": b"{"}, 400, "the body is not JSON", id="not-json"),
        pytest.param({"body": []}, 400, "must be a JSON object", id="list"),
        pytest.param({"body": EVENT | {"price": 1}}, 400, "unknown field: price", id="unknown"),
        pytest.param({"body": EVENT | {"user_id": None}}, 400, "user_id is null", id="null"),
        pytest.param({"body": EVENT | {"event_value": "1"}}, 400, "finite number", id="kind"),
        pytest.param(
            {"body": {"domain": "s", "app": {}, "os": {}}, "path": "/v1/acme/site-1/installs"},
            400,
            "device_id is required",
            id="no-device",
        ),
        pytest.param({"body": b" " * (1024 * 1024 + 1)}, 413, "larger than", id="too-large"),
    ],
)
def test_a_wrong_call_is_refused_with_a_message_and_not_recorded_as_accepted(
    sandbox: SandboxProcess, wrong: dict[str, Any], status: int, message: str
) -> None:
    answer = send(sandbox, **wrong)
    assert answer.status_code == status
    assert answer.json()["status"] == "error"
    assert message in answer.json()["message"]
    assert sandbox.client.calls() == []
    [request] = sandbox.client.requests()
    assert (request["status"], request["accepted"]) == (status, False)
    assert message in request["message"]


# What it received


def test_the_same_key_again_is_answered_ok_and_counted_as_a_duplicate(
    sandbox: SandboxProcess,
) -> None:
    assert statuses(sandbox, "a/0", "a/0", "a/1", "a/0") == [200] * 4
    assert [(call.key, call.times) for call in sandbox.client.calls()] == [("a/0", 3), ("a/1", 1)]
    summary = sandbox.client.summary()
    assert (summary.requests, summary.accepted, summary.duplicates) == (4, 2, 2)
    assert summary.by_status == {200: 4}


def test_a_duplicate_keeps_the_first_body(sandbox: SandboxProcess) -> None:
    send(sandbox, "a/0", EVENT | {"event_value": 1})
    send(sandbox, "a/0", EVENT | {"event_value": 2})
    [call] = sandbox.client.calls(key="a/0")
    assert call.body["event_value"] == 1


def test_calls_can_be_asked_by_key(sandbox: SandboxProcess) -> None:
    statuses(sandbox, "a/0", "b/0")
    assert [call.key for call in sandbox.client.calls(key="b/0")] == ["b/0"]
    assert sandbox.client.calls(key="c/0") == []


def test_requests_show_the_newest_with_bodies_if_asked(sandbox: SandboxProcess) -> None:
    statuses(sandbox, "a/0", "b/0", "a/0")
    shown = sandbox.client.requests(limit=2)
    assert [(request["key"], request["duplicate"]) for request in shown] == [
        ("b/0", False),
        ("a/0", True),
    ]
    assert "body" not in shown[0]
    [request] = sandbox.client.requests(key="b/0", bodies=True)
    assert json.loads(request["body"]) == EVENT


def test_forget_starts_from_zero(sandbox: SandboxProcess) -> None:
    statuses(sandbox, "a/0", "a/0")
    sandbox.client.forget()
    assert (sandbox.client.calls(), sandbox.client.requests()) == ([], [])
    assert sandbox.client.summary().requests == 0
    statuses(sandbox, "a/0")
    assert sandbox.client.summary().duplicates == 0


def test_counts_stay_right_beyond_what_is_kept() -> None:
    with SandboxProcess("--keep", "2") as sandbox:
        statuses(sandbox, "a/0", "b/0", "c/0", "d/0", "a/0")
        assert [call.key for call in sandbox.client.calls()] == ["c/0", "d/0"]
        assert len(sandbox.client.requests()) == 2
        summary = sandbox.client.summary()
        assert (summary.requests, summary.accepted, summary.duplicates) == (5, 4, 1)


def test_unknown_questions_are_answered_with_the_known_ones(sandbox: SandboxProcess) -> None:
    answer = send(sandbox, path="/_sandbox/nothing")
    assert answer.status_code == 404
    assert "GET /_sandbox/summary" in answer.json()["message"]
    assert sandbox.client.summary().requests == 0


def test_a_limit_that_is_no_number_is_refused(sandbox: SandboxProcess) -> None:
    answer = send(sandbox, path="/_sandbox/requests?limit=all", method="GET")
    assert (answer.status_code, answer.json()["status"]) == (400, "error")


# The record file


def test_accepted_calls_survive_a_kill_in_the_record_file(tmp_path: Path) -> None:
    record = tmp_path / "accepted.jsonl"
    with SandboxProcess("--record", str(record)) as sandbox:
        statuses(sandbox, "a/0", "b/0", "a/0")
        send(sandbox, "c/0", b"{}")
        sandbox.kill()
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["key"], line["duplicate"]) for line in lines] == [
        ("a/0", False),
        ("b/0", False),
        ("a/0", True),
    ]
    assert lines[0]["body"] == EVENT
    with SandboxProcess("--record", str(record)) as again:
        assert statuses(again, "b/0") == [200]
        assert [(call.key, call.times) for call in again.client.calls()] == [("a/0", 2), ("b/0", 2)]
        assert again.client.summary().duplicates == 2


def test_a_line_that_a_kill_left_half_written_is_dropped(tmp_path: Path) -> None:
    record = tmp_path / "accepted.jsonl"
    with SandboxProcess("--record", str(record)) as sandbox:
        send(sandbox, "a/0", json.dumps(EVENT, indent=2).encode())
    with record.open("a") as file:
        file.write('{"key": "b/0", "endp')
    with SandboxProcess("--record", str(record)) as again:
        statuses(again, "c/0")
    assert [json.loads(line)["key"] for line in record.read_text().splitlines()] == ["a/0", "c/0"]


def test_forget_empties_the_record_file(tmp_path: Path) -> None:
    record = tmp_path / "accepted.jsonl"
    with SandboxProcess("--record", str(record)) as sandbox:
        statuses(sandbox, "a/0")
        sandbox.client.forget()
        assert record.read_text() == ""
        statuses(sandbox, "b/0")
        assert json.loads(record.read_text())["key"] == "b/0"
