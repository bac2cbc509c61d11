"""What the collector makes of an event on its way into the journal."""

import json
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any

import pytest

from convertro.errors import InvalidEvent
from convertro.segment_event import encode
from tests.support.events import ABSENT
from worker.collector.reception import MAX_TOTAL_BYTES, Receipt, Reception, read_document
from worker.segment_batch import entries_of

RECEIVED = datetime(2026, 5, 4, 10, 0, 0, tzinfo=UTC)
RECEIVED_TEXT = "2026-05-04T10:00:00.000Z"
TRACK = {"type": "track", "messageId": "m1", "event": "Signed Up"}


def rows(document: Any, *, path_type: str | None = None, **receipt: Any) -> list[Any]:
    """The id and the event of each entry, or its error."""
    fields = {"at": RECEIVED, "event_type": path_type, **receipt}
    reception = Reception(Receipt(**fields), encode)
    answers: list[Any] = []
    for entry in entries_of(document, path_type=path_type):
        try:
            event_id, raw = reception.row_of(entry)
        except InvalidEvent as error:
            answers.append(error)
        else:
            answers.append((event_id, json.loads(raw)))
    return answers


def stamped(event: Any, **named: Any) -> Any:
    ((_, answer),) = rows(event, **named)
    return answer


def id_of(event: Any, **named: Any) -> str:
    ((answer, _),) = rows(event, **named)
    return str(answer)


def test_when_it_came_is_stamped_whatever_the_sender_says() -> None:
    assert stamped(TRACK) == {**TRACK, "receivedAt": RECEIVED_TEXT}
    assert stamped({**TRACK, "receivedAt": "1999"})["receivedAt"] == RECEIVED_TEXT


def test_the_write_key_goes_no_further() -> None:
    assert "writeKey" not in stamped({**TRACK, "writeKey": "secret"})
    (row,) = rows({"writeKey": "secret", "batch": [{**TRACK, "writeKey": "secret"}]})
    assert "secret" not in str(row)


@pytest.mark.parametrize(
    ("own", "path_type", "read"),
    [
        ("identify", "track", "identify"),
        (ABSENT, "track", "track"),
        (None, "alias", "alias"),
        ("", "track", ""),
    ],
)
def test_the_path_says_the_type_where_the_body_does_not(
    own: Any, path_type: str, read: str
) -> None:
    event = {"messageId": "m", **({} if own is ABSENT else {"type": own})}
    assert stamped(event, path_type=path_type)["type"] == read


def test_a_type_that_neither_body_nor_path_names_is_missing() -> None:
    (error,) = rows({"batch": [{"messageId": "m"}]})
    assert error.field == "type"


def test_a_batch_shares_fields_with_its_events() -> None:
    batch = {
        "batch": [{**TRACK, "context": {"page": {"url": "u"}}}],
        "context": {"library": {"name": "go"}, "page": {"title": "t"}},
        "integrations": {"All": False},
        "sentAt": "2026-05-04T09:00:00Z",
    }
    ((_, event),) = rows(batch)
    assert event["context"] == {"library": {"name": "go"}, "page": {"title": "t", "url": "u"}}
    assert event["integrations"] == {"All": False}
    assert event["sentAt"] == "2026-05-04T09:00:00Z"


@pytest.mark.parametrize(
    ("times", "timestamp", "original"),
    [
        # The clock is an hour slow.
        (
            {"timestamp": "2026-05-04T08:59:00Z", "sentAt": "2026-05-04T09:00:00Z"},
            "2026-05-04T09:59:00.000Z",
            "2026-05-04T08:59:00Z",
        ),
        (
            {"originalTimestamp": "2026-05-04T08:59:00Z", "sentAt": "2026-05-04T09:00:00Z"},
            "2026-05-04T09:59:00.000Z",
            "2026-05-04T08:59:00Z",
        ),
        # If both times are given, the original one is that of the sender's clock.
        (
            {
                "timestamp": "2026-05-04T03:00:00Z",
                "originalTimestamp": "2026-05-04T08:59:00Z",
                "sentAt": "2026-05-04T09:00:00Z",
            },
            "2026-05-04T09:59:00.000Z",
            "2026-05-04T08:59:00Z",
        ),
        # Without one of the two times there is nothing to compare.
        ({"timestamp": "2019-01-01T00:00:00Z"}, "2019-01-01T00:00:00Z", ABSENT),
        ({"sentAt": "2026-05-04T09:00:00Z"}, ABSENT, ABSENT),
        ({"timestamp": "soon", "sentAt": "2026-05-04T09:00:00Z"}, "soon", ABSENT),
    ],
)
def test_the_senders_clock_is_corrected(
    times: dict[str, str], timestamp: Any, original: Any
) -> None:
    event = stamped({**TRACK, **times})
    assert event.get("timestamp", ABSENT) == timestamp
    assert event.get("originalTimestamp", ABSENT) == original


def test_the_batchs_time_of_sending_counts_too() -> None:
    batch = {
        "batch": [{**TRACK, "timestamp": "2026-05-04T08:59:00Z"}],
        "sentAt": "2026-05-04T09:00:00Z",
    }
    assert stamped(batch)["timestamp"] == "2026-05-04T09:59:00.000Z"


def test_what_segment_has_stamped_stays_as_it_is() -> None:
    event = {
        **TRACK,
        "timestamp": "2026-05-04T07:00:00Z",
        "originalTimestamp": "2026-05-04T06:00:00Z",
        "sentAt": "2026-05-04T06:00:01Z",
        "receivedAt": "2026-05-04T07:00:01Z",
    }
    assert stamped(event, by_segment=True) == event
    assert stamped(TRACK, by_segment=True)["receivedAt"] == RECEIVED_TEXT


TIMED = {"type": "track", "event": "Sale", "timestamp": "2026-05-04T09:00:00Z"}


def test_an_event_without_an_id_that_comes_again_has_the_same() -> None:
    first = id_of({"batch": [TIMED], "sentAt": "2026-05-04T09:00:01Z", "context": {"a": 1}})
    later = Receipt(RECEIVED + timedelta(minutes=1))
    (entry,) = entries_of({"batch": [TIMED], "sentAt": "2026-05-04T09:01:01Z"})
    second, raw = Reception(later, encode).row_of(entry)
    assert first == second
    assert first.startswith("digest-")
    assert json.loads(raw)["messageId"] == first


def test_a_type_that_the_path_says_tells_events_without_ids_apart() -> None:
    event = {"userId": "u1", "timestamp": "2026-05-04T09:00:00Z"}
    page, identify = (id_of(event, path_type=name) for name in ("page", "identify"))
    assert page != identify
    assert identify == id_of({**event, "type": "identify"})


def test_an_event_with_neither_id_nor_time_is_another_one_each_time() -> None:
    event = {"type": "track", "event": "Sale"}
    assert id_of(event) != id_of(event)


@pytest.mark.parametrize(("given", "read"), [("m1", "m1"), (7, "7"), (7.0, "7")])
def test_an_id_in_the_event_is_used(given: Any, read: str) -> None:
    assert id_of({**TRACK, "messageId": given}) == read


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (1, "event"),
        (None, "event"),
        ([], "event"),
        ("text", "event"),
        ({"type": 7}, "type"),
        ({**TRACK, "messageId": "m" * 101}, "messageId"),
        ({**TRACK, "messageId": "a\x00"}, "messageId"),
        ({**TRACK, "properties": {"a": "x" * 65536}}, "event"),
        ({"batch": []}, "batch"),
    ],
)
def test_a_bad_item_harms_no_other(item: Any, field: str) -> None:
    good, bad, other = rows({"batch": [TRACK, item, {**TRACK, "messageId": "m2"}]})
    assert good[0] == "m1"
    assert bad.field == field
    assert other[0] == "m2"


def test_an_event_nested_too_deeply_is_refused() -> None:
    part: Any = {}
    for _ in range(120):
        part = {"a": part}
    (error,) = rows({**TRACK, "properties": part})
    assert "nested" in error.reason


def test_a_large_context_is_not_multiplied_without_end() -> None:
    context = {"blob": "x" * 60_000}
    items = [{**TRACK, "messageId": f"m{number}"} for number in range(200)]
    answers = rows({"batch": items, "context": context})
    accepted = [answer for answer in answers if not isinstance(answer, InvalidEvent)]
    assert len(accepted) == MAX_TOTAL_BYTES // 60_000 + 1
    assert {answer.field for answer in answers[len(accepted) :]} == {"batch"}


@pytest.mark.parametrize("blob", ["x" * 70_000, "é" * 35_000], ids=["ASCII", "two bytes each"])
def test_what_is_refused_for_its_size_counts_too(blob: str) -> None:
    context = {"blob": blob}
    items = [{**TRACK, "messageId": f"m{number}"} for number in range(200)]
    answers = rows({"batch": items, "context": context})
    assert [answer.field for answer in answers] == ["event"] * 64 + ["batch"] * 136


@pytest.mark.parametrize(
    ("bad", "context_bytes"),
    [(7, 60_000), ({**TRACK, "messageId": "m" * 101}, 1_000), ({**TRACK, "a": nan}, 1_000)],
    ids=["number", "long id", "NaN"],
)
def test_many_bad_items_harm_no_other_either(bad: Any, context_bytes: int) -> None:
    context = {"blob": "x" * context_bytes}
    *refused, (event_id, _) = rows({"batch": [bad] * 1000 + [TRACK], "context": context})
    assert {str(error) for error in refused} == {str(refused[0])}
    assert "batch" not in str(refused[0])
    assert event_id == "m1"


def read(body: bytes) -> list[Any]:
    """Read a body; return each event's id, or the field that is wrong."""
    document = read_document(body)
    reception = Reception(Receipt(RECEIVED), document.encode)
    answers: list[Any] = []
    for entry in entries_of(document.content):
        try:
            answers.append(reception.row_of(entry)[0])
        except InvalidEvent as error:
            answers.append(error.field)
    return answers


DEEP = b'{"a":' * 120 + b"1" + b"}" * 120


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (b"1", "m2"),
        (b"NaN", "properties"),
        (b"-Infinity", "properties"),
        (b"1e999", "properties"),
        (b'"\\ud83d"', "m2"),
        (b'"\\ud83d\\ude00"', "m2"),
        (b"9" * 500, "m2"),
        (DEEP, "properties"),
        (b'"' + b"x" * 65536 + b'"', "event"),
        (b'"' + b"x" * 65000 + b'"', "m2"),
    ],
    ids=range(10),
)
def test_a_bad_value_affects_only_its_own_event(value: bytes, answer: str) -> None:
    one = b'{"type":"track","messageId":"m1"}'
    two = b'{"type":"track","messageId":"m2","properties":{"a":%b}}' % value
    assert read(b'{"batch":[%b,%b,%b]}' % (one, two, one)) == ["m1", answer, "m1"]


def test_a_byte_order_mark_is_no_part_of_a_document() -> None:
    assert read(b'\xef\xbb\xbf{"type":"track","messageId":"m1"}') == ["m1"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b"{'a': 1}", b'{"a":1}x', b'"\x00"'],
    ids=range(8),
)
def test_what_is_no_document_is_an_error(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_document(body)
