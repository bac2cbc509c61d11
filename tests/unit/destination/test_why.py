"""The explanation of a translation."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from config.destination import ConvertroSettings
from convertro.errors import InvalidEvent
from convertro.segment_event import encode, event_id
from tests.support.events import (
    ABSENT,
    ORDER,
    PHONE_CONTEXT,
    WEB_CONTEXT,
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    phone_context,
    web_identify,
    web_track,
)
from tests.support.hostile import events as hostile
from worker.destination import translate
from worker.destination.why import Ignored, Why, why

SETTINGS = ConvertroSettings(
    domain="shop.example.com", events={"Signed Up": "signup"}, consent_categories=["Advertising"]
)


def explained(event: dict[str, Any]) -> Why:
    return why(event, SETTINGS, event_id(event, encode(event)))


def ignored(event: dict[str, Any]) -> dict[str, str]:
    return {one.field: one.because for one in explained(event).ignored}


@pytest.mark.parametrize(
    ("event", "sources"),
    [
        (
            web_identify(),
            {
                "message_id": "messageId",
                "visitor_id": "anonymousId",
                "user_id": "userId",
                "traits": "traits",
            },
        ),
        (
            order_completed(userId=ABSENT),
            {
                "message_id": "messageId",
                "visitor_id": "anonymousId",
                "event_type": "event",
                "event_id": "properties.orderId",
                "event_value": "properties.total",
                "currency": "properties.currency",
                "timestamp": "timestamp",
            },
        ),
        (
            web_track(userId=ABSENT, timestamp=ABSENT, properties={"ID": 7, "Revenue": 5}),
            {
                "message_id": "messageId",
                "visitor_id": "anonymousId",
                "event_type": "CONVERTRO_EVENTS",
                "event_id": "properties.ID",
                "event_value": "properties.Revenue",
                "timestamp": "originalTimestamp",
            },
        ),
        (
            mobile_identify(),
            {
                "message_id": "messageId",
                "device_id": "context.device.id",
                "user_id": "userId",
            },
        ),
        (
            mobile_track(
                userId=ABSENT,
                messageId=ABSENT,
                properties={"id": "o-1", "total": 5},
                **dict.fromkeys(("timestamp", "originalTimestamp", "receivedAt"), ABSENT),
            ),
            {
                "message_id": "random",
                "device_id": "context.device.id",
                "event_type": "event",
                "event_value": "default",
                "timestamp": "acceptance",
            },
        ),
        (
            application_installed(messageId=ABSENT),
            {
                "message_id": "digest",
                "device_id": "context.device.id",
                "app": "context.app",
                "os": "context.os",
                "advertising_id": "context.device.advertisingId",
                "timestamp": "timestamp",
            },
        ),
    ],
)
def test_it_says_where_each_field_comes_from(
    event: dict[str, Any], sources: dict[str, str]
) -> None:
    assert explained(event).sources == sources


def test_it_says_what_decides_about_the_type_of_a_sale() -> None:
    event = order_completed(properties={**ORDER, "Repeat": False})
    assert explained(event).sources["event_type"] == "event, properties.Repeat"


@pytest.mark.parametrize(
    ("event", "platform", "rule"),
    [
        (web_track(channel="browser"), "web", "channel"),
        (web_track(), "web", "context.library.name"),
        (mobile_track(context={"device": {"id": "d"}}), "mobile", "context.device, context.os"),
        (
            web_track(context={"page": WEB_CONTEXT["page"]}),
            "web",
            "context.page.url, context.userAgent",
        ),
        (web_track(channel="client", context={}), "web", "channel client"),
        (web_track(channel="server", context={}), "mobile", "none"),
        (web_track(integrations={"All": False}), None, None),
        (web_track(type="page"), None, None),
        (web_track(userId=None, anonymousId=None), None, None),
    ],
)
def test_it_names_the_rule_that_tells_web_from_mobile(
    event: dict[str, Any], platform: str | None, rule: str | None
) -> None:
    answer = explained(event)
    assert (answer.platform, answer.rule) == (platform, rule)


def preferring(preferences: dict[str, Any]) -> dict[str, Any]:
    return web_track(context={**WEB_CONTEXT, "consent": {"categoryPreferences": preferences}})


def phone_device(**fields: Any) -> dict[str, Any]:
    return phone_context(device={**PHONE_CONTEXT["device"], **fields})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (order_completed(), {}),
        (web_track(), {}),
        (web_track(integrations={"ALL": False}), {"integrations.ALL": "switched_off"}),
        (web_track(integrations={"Convertro": False}), {"integrations.Convertro": "switched_off"}),
        (
            preferring({"Advertising": 1}),
            {"context.consent.categoryPreferences.Advertising": "no_consent"},
        ),
        (preferring({"Advertising": True}), {}),
        (
            web_track(messageId=0, userId="null", anonymousId=[]),
            dict.fromkeys(("messageId", "userId", "anonymousId"), "unusable_id"),
        ),
        (web_track(userId=None, anonymousId=ABSENT, type="page"), {}),
        (
            mobile_track(context=phone_device(id="unknown"), properties={"revenue": "free"}),
            {"context.device.id": "unusable_id"},
        ),
        (
            application_installed(context=phone_device(advertisingId="0-0")),
            {"context.device.advertisingId": "unusable_id"},
        ),
        (
            application_installed(context=phone_device(adTrackingEnabled=False)),
            {"context.device.advertisingId": "ad_tracking_off"},
        ),
        (application_installed(properties={"revenue": "free"}), {}),
        (
            order_completed(properties={"id": 0, "Order-Id": "null", "transaction_id": "t-1"}),
            {
                "properties.id": "unusable_id",
                "properties.Order-Id": "unusable_id",
                "properties.transaction_id": "likely_order_id",
            },
        ),
        (
            order_completed(properties={"id": "", "orderId": "o", "total": 5, "currency": "EUR"}),
            {"properties.id": "unusable_id"},
        ),
        (
            order_completed(properties={"id": "o", "Total": "12k", "revenue": 5}),
            {
                "properties.Total": "unreadable_amount",
                "properties.currency": "missing_currency",
            },
        ),
        (
            order_completed(properties={"id": "o", "total": 5, "Currency": "EURO"}),
            {"properties.Currency": "no_currency_code"},
        ),
        (mobile_track(properties={"revenue": "free"}), {"properties.revenue": "unreadable_amount"}),
        (mobile_track(properties={"id": 0, "total": "free", "level": 5}), {}),
        (web_track(event="Unmapped", properties={"total": "free"}), {}),
        (
            web_track(timestamp="soon", originalTimestamp=5),
            {"timestamp": "not_iso_8601", "originalTimestamp": "not_iso_8601"},
        ),
        (web_track(originalTimestamp="soon"), {}),
        (web_track(event=""), {}),
    ],
)
def test_it_says_what_was_ignored(event: dict[str, Any], expected: dict[str, str]) -> None:
    assert ignored(event) == expected


@given(hostile.events)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_event_that_is_accepted_can_be_explained(event: dict[str, Any]) -> None:
    try:
        encode(event)
    except InvalidEvent:
        return
    answer = explained(event)
    asked = translate(event, SETTINGS).calls
    assert answer.platform or not asked
    assert len(answer.sources) > 1 or not asked
    assert all(isinstance(one, Ignored) for one in answer.ignored)
