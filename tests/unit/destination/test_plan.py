"""What would be sent for an event: names, bytes, and which events bear revenue."""

import json
from typing import Any

import pytest

from config.settings import Settings
from convertro.segment_event import encode
from tests.support.events import (
    ABSENT,
    ORDER,
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    web_identify,
    web_track,
)
from worker.destination.plan import Plan, plan, plan_stored


def settings(events: Any, *, hybrid: bool = True) -> Settings:
    return Settings(
        client_name="acme",
        site_id="1234",
        domain="shop.example.com",
        events=events,
        hybrid_attribution_model=hybrid,
    )


SETTINGS = settings({"Signed Up": "signup"})


def names(given: Plan) -> list[str]:
    return [call.name for call in given.calls]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (web_track(), "signup"),
        (order_completed(), "sale"),
        (web_identify(), "TrackUser"),
        (mobile_identify(), "LinkDevice"),
        (mobile_track(), "DeviceEvent"),
        (application_installed(), "Install"),
    ],
)
def test_a_call_is_named_after_its_type(event: dict[str, Any], name: str) -> None:
    assert names(plan(event, SETTINGS)) == [name]


def test_the_second_call_of_a_type_is_numbered() -> None:
    twice = [{"key": "Signed Up", "value": value} for value in ("a", "b", "a", "a/2", "a")]
    planned = plan(web_track(), settings(twice))
    assert names(planned) == ["a", "b", "a/2", "a%2F2", "a/3"]
    types = [json.loads(call.body)["event_type"] for call in planned.calls]
    assert types == ["a", "b", "a", "a/2", "a"]


def test_what_was_accepted_is_not_pending_whatever_its_place() -> None:
    planned = plan(web_track(), settings([{"key": "Signed Up", "value": x} for x in "bca"]))
    assert [call.name for call in planned.pending(["a", "b", "gone"])] == ["c"]


def test_a_stored_event_is_planned_with_the_time_of_its_acceptance() -> None:
    event = mobile_track(timestamp=ABSENT, originalTimestamp=ABSENT, receivedAt=ABSENT)
    (call,) = plan_stored(encode(event), 1_777_889_730_123, SETTINGS).calls
    assert json.loads(call.body)["timestamp"] == "2026-05-04T10:15:30.123Z"
    assert (call.endpoint, call.path) == ("events", "/v1/acme/1234/events")
    assert plan_stored(b"no json", 0, SETTINGS) == Plan(invalid="invalid_event")
    assert plan_stored(encode(web_identify(userId=None)), 0, SETTINGS).skipped


@pytest.mark.parametrize(
    ("event", "bears"),
    [
        (order_completed(), True),
        (order_completed(properties={"orderId": "1"}), True),  # an order without a total
        (order_completed(properties={**ORDER, "repeat": True}), True),
        (web_track(properties={"revenue": 10}), True),
        (web_track(properties={"plan": "Pro"}), False),
        (web_identify(), False),
        (mobile_track(), True),
        (mobile_track(properties={"revenue": 1}), True),
        (mobile_track(properties={}), False),  # its value is 1, which stands for no amount
        (mobile_track(event="Order Completed", properties={}), True),
        (mobile_identify(), False),
        (application_installed(properties={"revenue": 5}), False),
    ],
)
def test_orders_and_amounts_bear_revenue(event: dict[str, Any], bears: bool) -> None:
    assert {call.bears_revenue for call in plan(event, SETTINGS).calls} == {bears}


UNREADABLE = {"id": "1", "total": "much"}


@pytest.mark.parametrize(
    ("event", "notes"),
    [
        *(
            (order_completed(properties={name: value, "total": 5}), ["likely_order_id"])
            for name in ("transaction_id", "transactionId", "Order Number", "checkout_id")
            for value in ("t-1", 7)
        ),
        *(
            (order_completed(properties={"transaction_id": value}), [])
            for value in (None, "", [], True)
        ),
        (order_completed(properties={"total": "much"}), []),  # what is not sent needs no amount
        (order_completed(properties={"id": "1", "transaction_id": "t-1"}), []),
        (web_track(event="Unmapped", properties={"transaction_id": "t-1", "total": "much"}), []),
        (order_completed(properties=UNREADABLE), ["unreadable_amount"]),
        (order_completed(properties={**UNREADABLE, "revenue": 5}), ["unreadable_amount"]),
        (order_completed(properties={"id": "1", "total": 5, "revenue": "much"}), []),
        (order_completed(properties={"id": "1", "total": " ", "revenue": None}), []),
        (web_track(properties=UNREADABLE), ["unreadable_amount"]),
        (web_identify(), []),
        (mobile_track(properties=UNREADABLE), []),  # its amount is in `revenue`
        (mobile_track(properties={"revenue": "much"}), []),  # the reason says so
        (
            mobile_track(event="Order Completed", properties={**UNREADABLE, "revenue": 5}),
            ["unreadable_amount"],
        ),
        (application_installed(properties={"revenue": "much"}), []),
    ],
)
def test_a_plan_notes_what_the_producer_should_correct(
    event: dict[str, Any], notes: list[str]
) -> None:
    assert list(plan(event, SETTINGS).notes) == notes
