"""The worth that a worker reports for an event that it buries."""

from typing import Any

import pytest

from tests.support.events import ABSENT, ORDER, mobile_track, order_completed, web_identify
from tests.support.fakes import answered
from tests.unit.delivery.test_event import SETTINGS, deliver
from worker.delivery.worth import worth_of
from worker.destination import translation
from worker.journal.records import Worth
from worker.reasons import DeathReason

REJECTED = answered("rejected", 400)


@pytest.mark.parametrize(
    ("reason", "revenue", "worth"),
    [
        (DeathReason.MISSING_DEVICE_ID, False, Worth.NOTHING),
        (DeathReason.NO_IDENTITY, False, Worth.NOTHING),
        (DeathReason.INVALID_EVENT, False, Worth.NOTHING),
        (DeathReason.REJECTED, False, Worth.NO_REVENUE),
        (DeathReason.RETRIES_EXHAUSTED, False, Worth.NO_REVENUE),
        (DeathReason.MISSING_DEVICE_ID, True, Worth.LOST_REVENUE),
        (DeathReason.NO_IDENTITY, True, Worth.LOST_REVENUE),
        (DeathReason.AMBIGUOUS, True, Worth.REVENUE),
        (DeathReason.REJECTED, True, Worth.REVENUE),
    ],
)
def test_revenue_counts_more_than_whether_it_can_be_delivered(
    reason: DeathReason, revenue: bool, worth: Worth
) -> None:
    assert worth_of(reason, revenue=revenue) is worth


def test_the_least_goes_first() -> None:
    assert sorted(Worth) == [
        Worth.NOTHING,
        Worth.NO_REVENUE,
        Worth.LOST_REVENUE,
        Worth.REVENUE,
    ]


@pytest.mark.parametrize(
    ("event", "reason", "worth"),
    [
        (order_completed(), "rejected", Worth.REVENUE),
        (web_identify(), "rejected", Worth.NO_REVENUE),
        (order_completed(userId=ABSENT, anonymousId=ABSENT), "no_identity", Worth.LOST_REVENUE),
        (web_identify(userId=ABSENT, anonymousId=ABSENT), "no_identity", Worth.NOTHING),
        (b"no JSON", "invalid_event", Worth.NOTHING),
        (
            mobile_track(properties={}, context={"channel": "mobile"}),
            "missing_device_id",
            Worth.NOTHING,
        ),
        (
            mobile_track(event="Order Completed", context={"channel": "mobile"}),
            "missing_device_id",
            Worth.LOST_REVENUE,
        ),
    ],
)
def test_a_burial_says_what_is_lost(event: Any, reason: str, worth: Worth) -> None:
    finish, _ = deliver(event, REJECTED)
    assert finish is not None
    assert (finish.reason, finish.worth) == (reason, worth)


def test_the_worth_of_an_event_on_which_our_code_failed_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(translation, "has_identity", None)
    finish, _ = deliver(order_completed(properties=ORDER), settings=SETTINGS)
    assert finish is not None
    assert (finish.reason, finish.worth) == ("unexpected_error", None)
