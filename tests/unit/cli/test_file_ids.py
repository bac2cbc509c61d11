"""The ids made for a file's events without one."""

import json
from io import BytesIO
from typing import Any

import pytest

from convertro.segment_event import encode, event_id
from tests.support.events import ABSENT, order_completed
from worker.cli.terminal.event_file import read_items

TIMELESS = {"messageId": ABSENT, "timestamp": ABSENT, "originalTimestamp": ABSENT}

PURCHASE = order_completed(**TIMELESS)
OTHER = order_completed(**TIMELESS, userId="u-2")
TIMED = order_completed(messageId=ABSENT)


def ids(*documents: Any) -> list[Any]:
    text = "".join(f"{json.dumps(document)}\n" for document in documents)
    return [item.identified["messageId"] for item in read_items(BytesIO(text.encode()))]


def test_equal_events_without_a_time_are_as_many_as_there_are() -> None:
    first, second, other, third = ids(PURCHASE, PURCHASE, OTHER, PURCHASE)
    digest = first.removesuffix("-1")
    assert (second, third) == (f"{digest}-2", f"{digest}-3")
    assert other.endswith("-1")
    assert not other.startswith(digest)


def test_a_file_that_is_read_again_has_the_same_ids() -> None:
    file = [PURCHASE, TIMED, [PURCHASE, OTHER], {"batch": [PURCHASE, TIMED], "sentAt": "now"}]
    assert ids(*file) == ids(*file)
    assert len(set(ids(*file))) == 5


def test_neither_the_order_of_keys_nor_when_it_was_sent_makes_another_event() -> None:
    later = {"sentAt": "2026-05-05T00:00:00Z", **dict(reversed(PURCHASE.items()))}
    first, second = ids(PURCHASE, {**later, "sentAt": "2026-05-06T00:00:00Z"})
    assert second == first.removesuffix("1") + "2"


def test_an_event_with_a_time_has_the_id_that_enqueue_gives_it() -> None:
    expected = event_id(TIMED, encode(TIMED))
    assert ids(TIMED, TIMED, {**TIMED, "sentAt": "x"}) == [expected] * 3


@pytest.mark.parametrize("event", [PURCHASE, TIMED])
def test_what_a_batch_says_for_all_does_not_change_an_id(event: Any) -> None:
    batch = {"batch": [event], "sentAt": "now", "context": {"ip": "::1"}, "integrations": {"a": 1}}
    assert ids(batch) == ids(event)


@pytest.mark.parametrize("message_id", ["m1", "random-1", 17, 1.5])
def test_an_id_of_its_own_stays(message_id: Any) -> None:
    assert ids({**PURCHASE, "messageId": message_id}) == [message_id]


@pytest.mark.parametrize("message_id", [None, "", "  ", 0, True, "undefined", {}, [], 10**100])
def test_an_unusable_id_is_replaced(message_id: Any) -> None:
    (identifier,) = ids({**PURCHASE, "messageId": message_id})
    assert identifier.startswith("digest-")


def test_what_cannot_be_an_event_is_reported_with_its_place() -> None:
    text = json.dumps([PURCHASE, {**PURCHASE, "properties": {"x": "y" * 70_000}}])
    first, second = read_items(BytesIO(text.encode()))
    assert first.error is None
    assert second.where == "line 1, event 2"
    assert "is larger than 65536 bytes" in str(second.error)
