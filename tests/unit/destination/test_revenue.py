"""Which events bear revenue, whether or not they can be translated."""

from typing import Any

import pytest

from worker.destination.plan import reports_revenue


@pytest.mark.parametrize(
    ("event", "reports"),
    [
        ({"type": "track", "event": "Order Completed"}, True),
        ({"type": "track", "event": "completed_order", "properties": None}, True),
        ({"type": "track", "event": "Trial", "properties": {"revenue": 12.5}}, True),
        ({"type": "track", "event": "Trial", "properties": {"Total": "7"}}, True),
        ({"type": "track", "event": "Trial", "properties": {"revenue": "much"}}, True),
        ({"type": "track", "event": "Trial", "properties": {"revenue": " "}}, False),
        ({"type": "track", "event": "Trial", "properties": {"total": None}}, False),
        ({"type": "track", "event": "Trial"}, False),
        ({"type": "track", "event": 7, "properties": []}, False),
        ({}, False),
        ([], False),
    ],
)
def test_an_order_or_an_amount_is_revenue_whatever_else_the_event_is(
    event: Any, reports: bool
) -> None:
    assert reports_revenue(event) is reports
