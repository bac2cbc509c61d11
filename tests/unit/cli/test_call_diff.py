"""The diff of two calls: what it shows, and what it hides."""

import json
from typing import Any

import pytest

from config.settings import Settings
from convertro.segment_event import encode
from tests.support.events import ORDER, mobile_track, order_completed, web_identify
from worker.cli.dead.call_diff import call_diff
from worker.cli.dead.diff import DiffSample
from worker.destination.plan import plan_stored
from worker.journal.records import Record, SentCall

SETTINGS = Settings(client_name="acme", site_id="1234", domain="shop.example.com")
HYBRID = SETTINGS.model_copy(update={"hybrid_attribution_model": True})
NEW_BUYER = encode(order_completed(properties={**ORDER, "repeat": False}))


def sample(
    raw: bytes, settings: Settings = SETTINGS, was: SentCall | None = None, **record: Any
) -> DiffSample:
    plan = plan_stored(raw, 1_777_889_730_123, settings)
    return DiffSample(event_id="event-1", record=Record(**record), was=was, plan=plan)


def call(body: Any, path: str = "/p") -> SentCall:
    return SentCall(call="sale", path=path, body=json.dumps(body))


def test_equal_calls_have_no_diff() -> None:
    assert call_diff(call({"a": 1, "b": [2]}), call({"b": [2], "a": 1}), reveal=False) == []


def test_what_is_equal_is_hidden_and_what_changed_is_marked() -> None:
    was = call({"id": "ada", "traits": {"age": 36, "tags": ["x", "y"]}, "old": None})
    now = call({"id": "ada", "traits": {"age": "36", "tags": ["x"]}})
    assert call_diff(was, now, reveal=False) == [
        "--- sent",
        "+++ now",
        " POST /p",
        " {",
        '   "id": "…",',
        '   "traits": {',
        '-    "age": "… (was)",',
        '+    "age": "… (now)",',
        '     "tags": [',
        '-      "…",',
        '-      "… (was)"',
        '+      "…"',
        "     ]",
        "-  },",
        '-  "old": "… (was)"',
        "+  }",
        " }",
    ]


def test_another_path_alone_is_a_change() -> None:
    lines = call_diff(call({"a": 1}), call({"a": 1}, "/q"), reveal=False)
    assert lines[2:] == ["-POST /p", "+POST /q", " {", '   "a": "…"', " }"]


def test_a_call_that_is_new_or_gone_is_shown_whole() -> None:
    new = call_diff(None, call({"a": "ada"}), reveal=False)
    assert new[2:] == ["+POST /p", "+{", '+  "a": "… (now)"', "+}"]
    gone = call_diff(call({"a": "ada"}), None, reveal=True)
    assert gone[2:] == ["-POST /p", "-{", '-  "a": "ada"', "-}"]


@pytest.mark.parametrize(("was", "now"), [(1, True), (1, 1.0), (0, False), ([], {}), ("", None)])
def test_what_python_calls_alike_is_a_change(was: Any, now: Any) -> None:
    assert call_diff(call({"a": was}), call({"a": now}), reveal=False)


def test_what_is_no_json_is_hidden_too() -> None:
    odd = SentCall(call="sale", path="/p", body="{ada")
    assert "ada" not in "".join(call_diff(odd, call({}), reveal=False))


def test_revealed_text_does_not_command_the_terminal() -> None:
    lines = call_diff(None, call({"a": "\x9b31m"}), reveal=True)
    assert all(line.isprintable() for line in lines)


def test_what_would_be_sent_is_what_a_worker_sends() -> None:
    found = sample(encode(web_identify(userId="u1")))
    assert (found.outcome, list(found.now)) == ("send", ["TrackUser"])
    assert found.now["TrackUser"].path == "/v1/acme/1234/users"
    assert json.loads(found.now["TrackUser"].body)["user_id"] == "u1"


def test_calls_that_were_accepted_are_not_sent_again() -> None:
    assert list(sample(NEW_BUYER, HYBRID).now) == ["sale.new", "sale"]
    assert list(sample(NEW_BUYER, HYBRID, accepted=("sale.new",)).now) == ["sale"]
    assert sample(NEW_BUYER, HYBRID, accepted=("sale.new", "sale")).outcome == "finish"


def test_calls_are_set_beside_each_other_by_name() -> None:
    was = SentCall(call="sale", path="/p", body="{}")
    pairs = sample(NEW_BUYER, was=was).pairs
    assert [(name, before is None, now is None) for name, before, now in pairs] == [
        ("sale", False, True),
        ("sale.new", True, False),
    ]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"no json", "would be a dead letter again: invalid_event"),
        (encode(mobile_track(context={})), "would be a dead letter again: missing_device_id"),
        (encode(web_identify(userId=None)), "would now be skipped: anonymous_identify"),
    ],
)
def test_what_would_not_be_sent_is_reported(raw: bytes, sentence: str) -> None:
    assert sample(raw).sentence == sentence
