"""What a worker says that is lost with an event which dies."""

from typing import Any

import pytest

from tests.support.events import ABSENT, ORDER, mobile_track, order_completed, web_identify
from tests.support.fakes import answered
from tests.unit.delivery.test_event import SETTINGS, deliver
from worker.delivery.worth import worth_of
from worker.destination import translation
from worker.journal.records import Worth

REJECTED = answered("rejected", 400)


@pytest.mark.parametrize(
    ("reason", "revenue", "worth"),
    [
        ("missing_device_id", False, Worth.NOTHING),
        ("no_identity", False, Worth.NOTHING),
        ("invalid_event", False, Worth.NOTHING),
        ("rejected", False, Worth.NO_REVENUE),
        ("retries_exhausted", False, Worth.NO_REVENUE),
        (None, False, Worth.NO_REVENUE),
        ("missing_device_id", True, Worth.LOST_REVENUE),
        ("no_identity", True, Worth.LOST_REVENUE),
        ("ambiguous", True, Worth.REVENUE),
        ("rejected", True, Worth.REVENUE),
        (None, True, Worth.REVENUE),
    ],
)
def test_revenue_counts_more_than_whether_it_can_be_delivered(
    reason: str | None, revenue: bool, worth: Worth
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


def test_nobody_knows_what_is_lost_with_an_event_that_our_code_fell_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(translation, "_answer", None)
    finish, _ = deliver(order_completed(properties=ORDER), settings=SETTINGS)
    assert finish is not None
    assert (finish.reason, finish.worth) == ("unexpected_error", None)


def test_what_may_be_buried_as_refused_says_what_is_lost_too() -> None:
    again, _ = deliver(order_completed(), *[answered("ambiguous", 503)] * 3, refusals=4)
    assert again is not None
    assert again.worth is Worth.REVENUE
    first, _ = deliver(order_completed(), *[answered("ambiguous", 503)] * 3)
    assert first is not None
    assert first.worth is None
