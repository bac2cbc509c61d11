"""The command line takes what real libraries post, and each event ends as expected."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.support.cli_process import Cli, json_lines
from tests.support.sdk_bodies import BODIES, BY_BODY, SETTINGS, end_of, ends_of_all, events_of
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

ENVIRONMENT = {f"CONVERTRO_{name}": value for name, value in SETTINGS.items()}

each_body = pytest.mark.parametrize("name", BY_BODY)


def test_each_event_of_each_body_is_expected_to_become_something() -> None:
    bodies = {path.name for path in BODIES.glob("*.body")}
    assert bodies == set(BY_BODY)
    for name, rows in BY_BODY.items():
        assert [row["event"] for row in rows] == list(range(1, len(events_of(name)) + 1))


@each_body
def test_a_body_is_translated_as_expected(cli: Cli, name: str) -> None:
    ended = cli("translate", BODIES / name, **ENVIRONMENT)
    assert ended.returncode == 0
    shown = json_lines(ended.stdout)
    for event, row, answer in zip(events_of(name), BY_BODY[name], shown, strict=True):
        assert answer["message_id"] == event["messageId"]
        assert became(answer, event) == expected(row), row["what"]


def expected(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"body", "event", "what"}}


def became(answer: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The answer of `translate` about an event, in the form of `expected.jsonl`."""
    if "error" in answer:
        return {"refused": answer["error"].partition(": ")[2].partition(",")[0]}
    if answer["outcome"] != "send":
        return {{"skip": "skip", "invalid": "dead"}[answer["outcome"]]: answer["reason"]}
    calls = []
    for call in answer["calls"]:
        body = call["body"]
        assert body.pop("domain") == "shop.example.com"
        if not call["path"].endswith("/users"):
            assert body.pop("timestamp") == event["timestamp"]
        calls.append([call["idempotency_key"].partition("/")[2], body])
    return {"calls": calls}


@pytest.mark.environment(**SETTINGS)
def test_bodies_are_enqueued_as_they_are_and_a_worker_does_what_is_expected(stack: Stack) -> None:
    cli = Cli(stack.environment)
    for name, rows in BY_BODY.items():
        refused = [row for row in rows if "refused" in row]
        ended = cli("enqueue", BODIES / name, "--json")
        tally = json.loads(ended.stdout)
        assert tally["refused"] == len(refused)
        assert tally["accepted"] + tally["duplicates"] == len(rows) - len(refused)
        for row, line in zip(refused, ended.stderr.splitlines(), strict=True):
            assert line.startswith(f"line 1, event {row['event']}: {row['refused']}")
    stack.start_worker()
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0)
    ends = ends_of_all()
    snapshot = journal.snapshot()
    left = {
        name: number
        for name, number in snapshot.counters.items()
        if name.startswith(("skipped:", "dead:", "delivered"))
    }
    assert left == Counter(map(end_of, ends.values()))
    assert snapshot.unaccounted == 0
    assert len(stack.sandbox.calls()) == sum(len(row.get("calls", ())) for row in ends.values())
