"""Which calls cost money when they are counted twice."""

from typing import Any

import pytest

from config.destination import ConvertroSettings
from tests.support.events import (
    ORDER,
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    web_identify,
    web_track,
)
from worker.destination import translate
from worker.destination.translation import bears_revenue

SETTINGS = ConvertroSettings(events={"Signed Up": "signup"}, hybrid_attribution_model=True)


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
        (mobile_track(properties={}), False),  # its value is 1, which stands for none
        (mobile_track(event="Order Completed", properties={}), True),
        (mobile_identify(), False),
        (application_installed(properties={"revenue": 5}), False),
    ],
)
def test_orders_and_amounts_bear_revenue(event: dict[str, Any], bears: bool) -> None:
    calls = translate(event, SETTINGS).calls
    assert calls
    assert {bears_revenue(call, event) for call in calls} == {bears}
