"""What is a wake-up, and how foreign messages are counted and logged."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
import structlog
from amqp.basic_message import Message as AmqpMessage
from celery import Celery

from config.settings import DEFAULT_QUEUE, Settings
from tests.support.cli_process import MARKER
from tests.support.hostile.foreign_messages import (
    TOKEN,
    body,
    corpus,
    envelope,
    headers,
    properties,
)
from worker.journal.journal import Journal
from worker.process.broker import SteadyBroker
from worker.process.foreign_messages import (
    ForeignMessageError,
    ForeignMessages,
    Kind,
    foreign_messages,
    read_entry,
    read_message,
)
from worker.process.once_a_minute import LOG_SECONDS
from worker.process.outage import Outage
from worker.process.ticker import Ticker
from worker.process.wakeups import Wakeups
from worker.task_names import DELIVER

ENTRIES = [pytest.param(kind, entry, id=ascii(name)) for name, kind, entry in corpus()]


@pytest.mark.parametrize(("kind", "entry"), ENTRIES)
def test_an_entry_that_is_no_wakeup_is_of_a_kind(kind: str, entry: bytes) -> None:
    with pytest.raises(ForeignMessageError) as caught:
        read_entry(entry)
    assert caught.value.kind == kind
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"headers": headers(baggage="x", **{"sentry-trace": "1-2-3", "traceparent": "00-1-2-01"})},
        {"headers": {name: headers()[name] for name in ("lang", "task", "id")}},
        {"headers": headers(parent_id="9b0b5d7e-5a14-4b3a-9b0c-6a3c2f8e1d11")},
        {"properties": properties(reply_to=None, priority=3)},
        {"filler": 1},
        # kombu put it back, because its worker was killed or lost Redis before acknowledging it.
        {
            "headers": headers(redelivered=True),
            "properties": properties(
                delivery_info={"exchange": "", "routing_key": DEFAULT_QUEUE, "redelivered": True}
            ),
        },
    ],
    ids=["as is", "traced", "bare", "sent by a task", "with a priority", "with more", "again"],
)
def test_a_wakeup_is_one_whatever_tracing_tools_add(changes: dict[str, Any]) -> None:
    entry = envelope(**changes)
    read = read_entry(json.dumps(entry).encode())
    assert read == TOKEN


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery(broker="memory://", amqp=SteadyBroker, set_as_current=False)
    app.conf.task_default_queue = DEFAULT_QUEUE
    yield app
    app.close()


def test_other_brokers_messages_go_through_the_same_gate(app: Celery) -> None:
    before = foreign_messages.uncounted()
    app.send_task(DELIVER, args=[MARKER])
    app.send_task(DELIVER, args=[TOKEN], countdown=9)
    app.send_task("celery.backend_cleanup")
    app.send_task(DELIVER, args=[TOKEN])  # as earlier versions did
    app.send_task(DELIVER, task_id="b54ce9cc7e0d4bd5a0c60a4b0b0c3f2f")
    app.send_task(DELIVER, args=[TOKEN], compression="gzip")
    passed: list[Any] = []
    with app.connection() as connection, app.amqp.TaskConsumer(connection) as consumer:
        consumer.on_message = passed.append
        for _ in range(6):
            connection.drain_events(timeout=1)
    assert [message.decode() for message in passed] == [[[], {}, {}]] * 2
    ids = [message.headers["id"] for message in passed]
    assert ids == [TOKEN, "b54ce9cc7e0d4bd5a0c60a4b0b0c3f2f"]
    after = foreign_messages.uncounted()
    dropped = {kind: after[kind] - before.get(kind, 0) for kind in after}
    assert dropped == {Kind.NOT_A_WAKEUP: 3, Kind.UNKNOWN_TASK: 1}


def test_a_message_of_rabbitmq_is_read_before_it_is_unpacked() -> None:
    form = {"content_type": "application/json", "content_encoding": "utf-8"}
    plain = AmqpMessage(body(), application_headers=headers(), **form)
    assert read_message(plain) == TOKEN
    packed = gzip.compress(b"0" * 5_000_000)
    bomb = AmqpMessage(packed, application_headers=headers(compression="gzip"), **form)
    with pytest.raises(ForeignMessageError) as caught:
        read_message(bomb)
    assert caught.value.kind is Kind.NOT_A_WAKEUP
    with pytest.raises(ForeignMessageError):
        read_message(AmqpMessage(body()))


def test_what_was_dropped_is_counted_once_and_kept_while_the_journal_is_away(app: Celery) -> None:
    server = fakeredis.FakeServer()
    journal = Journal(fakeredis.FakeRedis(server=server), Settings(), shebang=False)
    foreign = ForeignMessages()
    ticker = Ticker(journal, Wakeups(app), "worker-1", 1, Outage("journal"), foreign)
    foreign.note(Kind.UNREADABLE)
    server.connected = False
    ticker.tick()
    foreign.note(Kind.UNREADABLE)
    foreign.note(Kind.UNKNOWN_TASK)
    server.connected = True
    ticker.tick()
    ticker.tick()
    foreign.note(Kind.UNKNOWN_TASK)
    ticker.leave()
    counters = journal.snapshot().counters
    assert (counters["foreign:unreadable"], counters["foreign:unknown_task"]) == (2, 2)
    assert foreign.uncounted() == {}


def test_each_kind_is_logged_once_a_minute_with_its_number() -> None:
    now = 100.0
    foreign = ForeignMessages(now=lambda: now)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            foreign.note(Kind.UNREADABLE)
        foreign.say()
        foreign.note(Kind.UNREADABLE)
        foreign.note(Kind.NOT_A_TASK)
        now += LOG_SECONDS / 2
        foreign.say()
        now += LOG_SECONDS / 2
        foreign.say()
        now += LOG_SECONDS
        foreign.say()
    assert [(line["kind"], line["messages"]) for line in logs] == [
        ("unreadable", 3),
        ("not_a_task", 1),
        ("unreadable", 1),
    ]
