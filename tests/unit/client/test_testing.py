"""`convertro.testing` for applications' own tests: the client's real checks, and no server."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest

from convertro import (
    AsyncClient,
    Client,
    InvalidEvent,
    InvalidEvents,
    JournalUnavailable,
    enqueue,
    enqueue_many,
)
from convertro.intake_journal import IntakeJournal
from convertro.testing import Collected, collect
from tests.support.events import ABSENT, mobile_track

#: A URL at which no process listens.
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _the_journal_is_as_before() -> Iterator[None]:
    before = IntakeJournal.accept
    yield
    assert IntakeJournal.accept is before


def named(*names: str) -> list[dict[str, Any]]:
    return [mobile_track(messageId=name) for name in names]


def test_every_way_to_enqueue_ends_in_the_block() -> None:
    made_before = Client(NOWHERE)
    several = AsyncClient(NOWHERE)

    async def run() -> None:
        await several.enqueue(mobile_track(messageId="awaited"))
        assert await several.enqueue_many(named("awaited-1", "awaited-2"))

    with collect() as collected:
        assert enqueue(mobile_track(messageId="one")) == "one"
        assert enqueue_many(named("two", "three")) == ["two", "three"]
        made_before.enqueue(mobile_track(messageId="before"))
        asyncio.run(run())
    ids = ["one", "two", "three", "before", "awaited", "awaited-1", "awaited-2"]
    assert collected.ids == ids
    assert [event["messageId"] for event in collected.events] == ids


def test_an_event_is_what_a_worker_reads(convertro_events: Collected) -> None:
    properties = {"sizes": (1, 2)}
    enqueue(mobile_track(properties=properties))
    properties["sizes"] = (3,)
    assert [event["properties"] for event in convertro_events.events] == [{"sizes": [1, 2]}]


def test_what_production_refuses_is_refused(convertro_events: Collected) -> None:
    with pytest.raises(InvalidEvent, match="type is missing"):
        enqueue({"event": "Signed Up"})
    with pytest.raises(InvalidEvents) as caught:
        enqueue_many([mobile_track(messageId="good"), {"type": 7}])
    assert list(caught.value.errors) == [1]
    assert convertro_events.ids == ["good"]


def test_an_id_is_made_and_a_known_one_changes_nothing(convertro_events: Collected) -> None:
    made = enqueue(mobile_track(messageId=ABSENT))
    assert enqueue(mobile_track(messageId=ABSENT)) == made
    enqueue(mobile_track(messageId="one", event="First"))
    enqueue_many([mobile_track(messageId="one", event="Second"), *named("two")])
    assert convertro_events.ids == [made, "one", "two"]
    assert convertro_events.events[1]["event"] == "First"


def test_each_journal_has_its_own_events_and_ids(convertro_events: Collected) -> None:
    shop, other_prefix = Client(NOWHERE, prefix="{shop}:"), Client(NOWHERE, prefix="{blog}:")
    other_database = AsyncClient("redis://127.0.0.1:1/1", prefix="{shop}:")
    sentinels = Client("sentinel://127.0.0.1:1", sentinel_master="shop", prefix="{shop}:")
    for client in (shop, other_prefix, sentinels, Client("redis://127.0.0.1:1", prefix="{shop}:")):
        client.enqueue(mobile_track(messageId="one"))
    asyncio.run(other_database.enqueue(mobile_track(messageId="one", event="Elsewhere")))
    assert convertro_events.ids == ["one"] * 4
    assert len(convertro_events.events_of(shop)) == 1
    assert [event["event"] for event in convertro_events.events_of(other_database)] == ["Elsewhere"]


def test_one_call_is_refused_when_told(convertro_events: Collected) -> None:
    convertro_events.refuse_once()
    with pytest.raises(JournalUnavailable) as caught:
        enqueue(mobile_track(messageId="one"))
    assert caught.value.event_id == "one"
    assert convertro_events.ids == []
    assert enqueue(mobile_track(messageId="one")) == "one"
    assert convertro_events.ids == ["one"]


def test_calls_are_refused_until_told_otherwise(convertro_events: Collected) -> None:
    client = AsyncClient(NOWHERE)
    convertro_events.refuse()
    convertro_events.refuse_once()
    for names in (["one"], ["two", "three"]):
        with pytest.raises(JournalUnavailable) as caught:
            enqueue_many(named(*names))
        assert caught.value.ids == tuple(names)
    with pytest.raises(JournalUnavailable) as caught:
        asyncio.run(client.enqueue(mobile_track(messageId="four")))
    assert caught.value.event_id == "four"
    convertro_events.accept()
    enqueue_many(named("one", "two"))
    assert convertro_events.ids == ["one", "two"]


def test_a_list_that_is_cut_off_says_what_is_safe(convertro_events: Collected) -> None:
    def events() -> Iterator[dict[str, Any]]:
        for number in range(150):
            if number == 120:
                convertro_events.refuse_once()
            yield mobile_track(messageId=f"event-{number}")

    with pytest.raises(JournalUnavailable) as caught:
        enqueue_many(events())
    assert caught.value.accepted == tuple(f"event-{number}" for number in range(100))
    assert caught.value.event_id == "event-100"


def test_the_innermost_block_collects() -> None:
    with collect() as outer:
        enqueue(mobile_track(messageId="before"))
        with collect() as inner:
            enqueue(mobile_track(messageId="within"))
        enqueue(mobile_track(messageId="after"))
    assert (outer.ids, inner.ids) == (["before", "after"], ["within"])


def test_blocks_of_two_threads_may_end_in_any_order() -> None:
    first, second = ExitStack(), ExitStack()
    outer, inner = first.enter_context(collect()), second.enter_context(collect())
    first.close()
    enqueue(mobile_track(messageId="one"))
    second.close()
    assert (outer.ids, inner.ids) == ([], ["one"])


def test_a_block_that_fails_ends_too() -> None:
    with pytest.raises(ZeroDivisionError), collect():
        raise ZeroDivisionError


def test_no_event_of_any_thread_is_lost_or_new_twice(convertro_events: Collected) -> None:
    client = Client(NOWHERE)
    names = [f"event-{number}" for number in range(300)]
    threads = [Thread(target=client.enqueue_many, args=[named(*names)]) for _ in range(4)]
    threads += [Thread(target=lambda: [client.enqueue(event) for event in named(*names)])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(convertro_events.ids) == sorted(names)
