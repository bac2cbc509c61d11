"""The events in a document, and the fields that a batch shares with its events."""

import json
from typing import Any

import pytest

from convertro.errors import InvalidEvent
from convertro.segment_event import encode
from tests.support.events import ABSENT
from worker.segment_batch import entries_of

ONE = {"type": "track", "messageId": "m1"}
TWO = {"type": "identify", "messageId": "m2"}


def completed(item: Any, **batch: Any) -> Any:
    (entry,) = entries_of({"batch": [item], **batch})
    return entry.completed()


@pytest.mark.parametrize("kind", [{}, {"type": "batch"}, {"type": None}])
def test_a_batch_may_say_that_it_is_one(kind: Any) -> None:
    entries = list(entries_of({"batch": [ONE, TWO], **kind}))
    assert [(entry.where, entry.completed(), entry.error) for entry in entries] == [
        (("event 1",), ONE, None),
        (("event 2",), TWO, None),
    ]


def test_an_event_with_a_field_called_batch_is_an_event() -> None:
    event = {**ONE, "batch": [TWO]}
    (entry,) = entries_of(event)
    assert (entry.where, entry.completed(), entry.error) == ((), event, None)


def test_a_list_may_hold_batches_and_events() -> None:
    entries = list(entries_of([ONE, {"batch": [TWO], "context": {"ip": "::1"}}, [], {"batch": []}]))
    assert [(entry.where, entry.completed()) for entry in entries] == [
        (("event 1",), ONE),
        (("batch 2", "event 1"), {**TWO, "context": {"ip": "::1"}}),
        (("event 3",), []),
    ]


@pytest.mark.parametrize(
    "batch", [{"type": "batch"}, {"batch": None}, {"batch": {}}, {"type": "batch", "batch": "ab"}]
)
def test_a_batch_without_a_list_is_refused(batch: Any) -> None:
    (alone,) = entries_of(batch)
    first, among_others = entries_of([ONE, batch])
    assert first.error is None
    assert (alone.where, among_others.where) == ((), ("batch 2",))
    for entry in (alone, among_others):
        assert str(entry.error).startswith("batch must be a list of events, not ")


@pytest.mark.parametrize("inner", [{"batch": [ONE]}, {"type": "batch", "batch": []}])
def test_a_batch_inside_another_is_refused(inner: Any) -> None:
    first, second = entries_of({"batch": [ONE, inner]})
    assert first.error is None
    assert second.where == ("event 2",)
    assert str(second.error) == "batch is inside another batch, where only events may be"


@pytest.mark.parametrize("document", [{"event": "Signed Up"}, [{}], {"batch": [{"userId": "u"}]}])
def test_a_type_that_only_the_path_said_is_missing(document: Any) -> None:
    (entry,) = entries_of(document)
    assert isinstance(entry.error, InvalidEvent)
    assert entry.error.field == "type"
    assert "is missing; it is said by the path" in entry.error.reason
    assert "/v1/track" in entry.error.reason


@pytest.mark.parametrize("field", ["context", "integrations"])
@pytest.mark.parametrize(
    ("shared", "own", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": False}, ABSENT, {"a": False}),
        ({"a": 1}, None, {"a": 1}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"y": 2, "z": 2}}, {"a": {"x": 1, "y": 2, "z": 2}}),
        ({"a": {"x": {"y": 1}}}, {"a": {"x": {"z": 2}}}, {"a": {"x": {"y": 1, "z": 2}}}),
        ({"a": {"x": 1}}, {"a": [2]}, {"a": [2]}),
        ({"a": [1]}, {"a": {"x": 2}}, {"a": {"x": 2}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": 1}, "text", "text"),
        ({"a": 1}, [], []),
        ("text", {"b": 2}, {"b": 2}),
        ("text", ABSENT, ABSENT),
        (None, {"b": 2}, {"b": 2}),
        (ABSENT, {"b": 2}, {"b": 2}),
    ],
)
def test_an_item_has_what_its_batch_says_and_its_own_wins(
    field: str, shared: Any, own: Any, merged: Any
) -> None:
    item = {} if own is ABSENT else {field: own}
    batch = {} if shared is ABSENT else {field: shared}
    before = json.dumps([item, batch])
    assert completed(item, **batch).get(field, ABSENT) == merged
    assert json.dumps([item, batch]) == before


def test_an_item_is_sent_when_its_batch_is_unless_it_says_otherwise() -> None:
    assert completed({}, sentAt="2026-05-04") == {"sentAt": "2026-05-04"}
    assert completed({"sentAt": None}, sentAt="2026-05-04") == {"sentAt": "2026-05-04"}
    assert completed({"sentAt": "2026-05-03"}, sentAt="2026-05-04") == {"sentAt": "2026-05-03"}
    assert completed({}) == completed({}, sentAt=None) == {}


def test_nothing_else_of_a_batch_is_taken_over() -> None:
    assert completed({"type": "track"}, messageId="b", timestamp="2026-05-04", userId="u") == {
        "type": "track"
    }


def test_items_that_are_no_objects_keep_their_place() -> None:
    items = [1, ONE, None, "x", [], [ONE]]
    entries = list(entries_of({"batch": items}))
    assert [(entry.where, entry.event) for entry in entries] == [
        ((f"event {number}",), item) for number, item in enumerate(items, start=1)
    ]


def test_a_batch_nested_without_end_is_left_to_the_checks_of_its_items() -> None:
    part: Any = {}
    for _ in range(50_000):
        part = {"a": part}
    item = completed({"type": "track", "context": part}, context=part)
    with pytest.raises(InvalidEvent, match="nested more than 100 levels"):
        encode(item)
