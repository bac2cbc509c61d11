"""The steps of one event."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from config.settings import Settings
from tests.support.events import (
    ABSENT,
    NEW_BUYER,
    ORDER,
    mobile_track,
    order_completed,
    web_identify,
    web_track,
)
from tests.support.fakes import (
    FailTimes,
    FakeJournal,
    FakeTransport,
    answered,
    claimed,
    deliver_here,
)
from worker.delivery import event as delivery_module
from worker.delivery import retry
from worker.delivery.event import Delivery
from worker.journal.records import Finish, Finished, Move
from worker.outcomes import Outcome
from worker.reasons import Note

SETTINGS = Settings(
    client_name="acme",
    site_id="1234",
    domain="shop.example.com",
    hybrid_attribution_model=True,
)
NOW_MS = 1_777_889_800_000


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_BLIP_WAIT_SECONDS", 0.0)


def deliver(
    event: Any,
    *outcomes: Outcome,
    journal: FakeJournal | None = None,
    stopping: Callable[[], bool] = lambda: False,
    settings: Settings = SETTINGS,
    **record: object,
) -> tuple[Finish | None, FakeTransport]:
    transport = FakeTransport(deque(outcomes))
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    delivery = Delivery(
        settings,
        transport,
        journal or FakeJournal(),
        stopping=stopping,
        now_ms=lambda: NOW_MS,
        chance=lambda: 0.5,
    )
    return deliver_here(delivery, claimed(raw, **record)), transport


def moved(finish: Finish | None) -> tuple[Move, str | None]:
    assert finish is not None
    return finish.move, finish.reason


def test_an_accepted_event_is_delivered() -> None:
    finish, transport = deliver(mobile_track())
    assert moved(finish) == (Move.DELIVERED, None)
    ((path, body, key),) = transport.sent
    assert path == "/v1/acme/1234/events"
    assert json.loads(body)["domain"] == "shop.example.com"
    assert key == "event-1/DeviceEvent"
    assert [attempt.detail for attempt in finish.attempts] == ["accepted"]
    assert finish.accepted == ("DeviceEvent",)


def test_the_time_of_acceptance_stands_in_for_a_missing_one() -> None:
    event = mobile_track(timestamp=ABSENT, originalTimestamp=ABSENT, receivedAt=ABSENT)
    _, transport = deliver(event)
    assert json.loads(transport.sent[0][1])["timestamp"] == "2026-05-04T10:15:30.123Z"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b"\xff{}", (Move.DEAD, "invalid_event")),
        (b"", (Move.DEAD, "invalid_event")),
        (b"[" * 50_000, (Move.DEAD, "invalid_event")),
        ({"messageId": "no-type"}, (Move.DEAD, "invalid_event")),
        (mobile_track(context={}), (Move.DEAD, "missing_device_id")),
        (web_track(event="Video Played"), (Move.SKIPPED, "unmapped_event")),
        (web_identify(userId=None), (Move.SKIPPED, "anonymous_identify")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_sent_is_dead_or_skipped_with_a_reason(
    event: Any, expected: tuple[Move, str]
) -> None:
    finish, transport = deliver(event)
    assert moved(finish) == expected
    assert transport.sent == []


LIKELY = order_completed(properties={"transaction_id": "t-1", "total": 5})
UNREADABLE = order_completed(properties={**ORDER, "repeat": False, "total": "n/a"})


@pytest.mark.parametrize(
    ("event", "outcomes", "expected"),
    [
        (LIKELY, [], (Move.SKIPPED, (Note.LIKELY_ORDER_ID,))),
        (UNREADABLE, [], (Move.DELIVERED, (Note.UNREADABLE_AMOUNT,))),
        (UNREADABLE, [answered("throttled", 429)], (Move.POSTPONED, ())),
        (UNREADABLE, [answered("rejected", 400)], (Move.DEAD, ())),
        (NEW_BUYER, [], (Move.DELIVERED, ())),
    ],
)
def test_a_note_is_reported_once_when_the_event_is_finished(
    event: Any, outcomes: list[Outcome], expected: tuple[Move, tuple[Note, ...]]
) -> None:
    journal = FakeJournal()
    finish, _ = deliver(event, *outcomes, journal=journal)
    assert finish is not None
    assert (finish.move, finish.notes) == expected
    assert all(kept.notes == () for kept in journal.finishes)


def test_an_event_without_notes_reports_none() -> None:
    finish, _ = deliver(mobile_track())
    assert b"notes" not in msgspec.json.encode(finish)


def test_a_blip_is_tried_again_at_once_under_the_same_key() -> None:
    finish, transport = deliver(mobile_track(), answered("ambiguous", 503), answered("unsent"))
    assert moved(finish) == (Move.DELIVERED, None)
    assert {key for _, _, key in transport.sent} == {"event-1/DeviceEvent"}
    assert [attempt.detail for attempt in finish.attempts] == ["http_503", "no_answer", "accepted"]


def test_what_outlasts_the_blips_is_postponed() -> None:
    finish, transport = deliver(mobile_track(), *[answered("ambiguous", 500)] * 3)
    assert len(transport.sent) == SETTINGS.blip_tries
    assert finish is not None
    assert (finish.move, finish.delay_ms) == (Move.POSTPONED, 30_000)


@pytest.mark.parametrize("name", ["throttled", "setup", "rejected"])
def test_only_blips_are_tried_again_at_once(name: str) -> None:
    _, transport = deliver(mobile_track(), answered(name, 429))
    assert len(transport.sent) == 1


def test_a_retry_after_lengthens_the_wait() -> None:
    finish, _ = deliver(mobile_track(), answered("throttled", 429, retry_after_seconds=90.0))
    assert finish is not None
    assert finish.delay_ms == 90_000


def test_a_rejected_event_is_dead_with_its_answer() -> None:
    finish, _ = deliver(mobile_track(), answered("rejected", 400))
    assert moved(finish) == (Move.DEAD, "rejected")
    assert (finish.outcome_class, finish.status) == ("rejected", 400)


def test_an_event_is_buried_at_its_horizon() -> None:
    finish, _ = deliver(
        mobile_track(), *[answered("unsent")] * 3, tried_for_ms=86_400_000, postponed=20
    )
    assert moved(finish) == (Move.DEAD, "retries_exhausted")


def test_a_stopping_worker_does_not_try_blips_again() -> None:
    finish, transport = deliver(mobile_track(), answered("ambiguous", 503), stopping=lambda: True)
    assert len(transport.sent) == 1
    assert moved(finish) == (Move.POSTPONED, None)


def test_an_accepted_call_is_recorded_before_the_next_is_sent() -> None:
    journal = FakeJournal()
    finish, transport = deliver(NEW_BUYER, journal=journal)
    (kept,) = journal.finishes
    assert (kept.move, kept.accepted) == (Move.KEPT, ("sale.new",))
    assert [key for _, _, key in transport.sent] == ["event-1/sale.new", "event-1/sale"]
    assert moved(finish) == (Move.DELIVERED, None)
    assert finish.accepted == ("sale",)
    assert len(finish.attempts) == 1, "what was recorded is not counted twice"


def test_a_retry_sends_only_what_was_not_accepted() -> None:
    finish, transport = deliver(NEW_BUYER, accepted=("sale.new",))
    assert [key for _, _, key in transport.sent] == ["event-1/sale"]
    assert moved(finish) == (Move.DELIVERED, None)


def test_a_call_that_was_rejected_before_a_redrive_keeps_its_number_in_its_key() -> None:
    _, transport = deliver(NEW_BUYER, answered("ambiguous", 503), key_numbers={"sale.new": 2})
    keys = [key for _, _, key in transport.sent]
    assert keys == ["event-1/sale.new~2", "event-1/sale.new~2", "event-1/sale"]


def test_an_event_whose_calls_were_all_accepted_is_delivered_without_a_request() -> None:
    finish, transport = deliver(mobile_track(), accepted=("DeviceEvent",))
    assert transport.sent == []
    assert moved(finish) == (Move.DELIVERED, None)


@pytest.mark.parametrize("answer", [Finished.LOST, Finished.GONE])
def test_an_event_that_another_worker_took_over_is_not_finished(answer: Finished) -> None:
    finish, transport = deliver(NEW_BUYER, journal=FakeJournal(answer=answer))
    assert finish is None
    assert len(transport.sent) == 1


def test_an_accepted_call_that_cannot_be_recorded_now_is_reported_later() -> None:
    finish, transport = deliver(NEW_BUYER, journal=FakeJournal(before=FailTimes(1)))
    assert len(transport.sent) == 1
    assert moved(finish) == (Move.RETURNED, None)
    assert finish.accepted == ("sale.new",)


def test_a_retry_after_is_reported_to_the_journal_for_all_workers() -> None:
    finish, _ = deliver(mobile_track(), answered("throttled", 429, retry_after_seconds=90.0))
    assert finish is not None
    assert finish.retry_after_ms == 90_000
    finish, _ = deliver(mobile_track(), answered("throttled", 429, retry_after_seconds=1e9))
    assert finish is not None
    assert finish.retry_after_ms == 3_600_000, "an hour at most"
    finish, _ = deliver(mobile_track(), *[answered("ambiguous", 500)] * 3)
    assert finish is not None
    assert finish.retry_after_ms is None


#: Revenue that may have been delivered is parked.
PARKING = SETTINGS.model_copy(update={"on_ambiguous": "hold"})
WITHOUT_REVENUE = mobile_track(properties={})


def test_revenue_that_convertro_may_have_is_parked_and_not_sent_again() -> None:
    finish, transport = deliver(NEW_BUYER, answered("ambiguous", 503), settings=PARKING)
    assert moved(finish) == (Move.DEAD, "ambiguous")
    assert (finish.outcome_class, finish.status) == ("ambiguous", 503)
    assert len(transport.sent) == 1


def test_revenue_that_surely_was_not_sent_is_tried_again() -> None:
    finish, transport = deliver(NEW_BUYER, answered("unsent"), settings=PARKING)
    assert moved(finish) == (Move.DELIVERED, None)
    assert len(transport.sent) == 3, "the blip again, and the second call"


@pytest.mark.parametrize("call", ["sale.new", "*"])
def test_revenue_whose_worker_was_killed_is_parked_before_it_is_sent(call: str) -> None:
    finish, transport = deliver(NEW_BUYER, settings=PARKING, in_doubt={call: 1})
    assert moved(finish) == (Move.DEAD, "ambiguous")
    assert transport.sent == []


def test_doubt_about_one_call_does_not_stop_the_other() -> None:
    finish, transport = deliver(
        NEW_BUYER, settings=PARKING, in_doubt={"sale": 1}, accepted=("sale",)
    )
    assert moved(finish) == (Move.DELIVERED, None)
    assert len(transport.sent) == 1


def test_revenue_that_an_operator_redrove_is_sent() -> None:
    finish, _ = deliver(NEW_BUYER, settings=PARKING, in_doubt={"sale.new": 1}, reviewed=True)
    assert moved(finish) == (Move.DELIVERED, None)


def test_what_bears_no_revenue_is_tried_again_all_the_same() -> None:
    finish, transport = deliver(
        WITHOUT_REVENUE, answered("ambiguous", 503), settings=PARKING, in_doubt={"DeviceEvent": 1}
    )
    assert moved(finish) == (Move.DELIVERED, None)
    assert len(transport.sent) == 2


def test_a_bug_of_ours_makes_a_dead_letter_not_a_crash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("secret content")

    monkeypatch.setattr(delivery_module, "plan_stored", broken)
    finish, _ = deliver(mobile_track())
    assert moved(finish) == (Move.DEAD, "unexpected_error")
    assert "secret content" not in "".join(capsys.readouterr())
