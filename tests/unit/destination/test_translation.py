"""What an event becomes: calls, a skip, or a dead letter for an operator."""

import dataclasses
from copy import deepcopy
from typing import Any

import pytest

from config.destination import ConvertroSettings
from tests.support.events import (
    ABSENT,
    ADVERTISING_ID,
    ANONYMOUS_ID,
    DEVICE_ID,
    ORDER,
    TIMESTAMP,
    USER_ID,
    WEB_CONTEXT,
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    phone_context,
    web_identify,
    web_track,
)
from worker.destination import (
    Call,
    DeviceEvent,
    Install,
    LinkDevice,
    TrackEvent,
    TrackUser,
    Translation,
    translate,
)

DOMAIN = "shop.example.com"
SETTINGS = ConvertroSettings(domain=DOMAIN, events={"Signed Up": "signup"})
HYBRID = ConvertroSettings(domain=DOMAIN, hybrid_attribution_model=True)
ACCEPTED_AT = "2026-05-04T10:16:00.000Z"

SIGNUP = TrackEvent(
    domain=DOMAIN,
    visitor_id=ANONYMOUS_ID,
    user_id=USER_ID,
    event_type="signup",
    timestamp=TIMESTAMP,
)
SALE = dataclasses.replace(
    SIGNUP, event_type="sale", event_id="50314b8e", event_value=27.5, currency="EUR"
)
UPGRADE = DeviceEvent(
    domain=DOMAIN,
    device_id=DEVICE_ID,
    user_id=USER_ID,
    event_type="Plan Upgraded",
    event_value=19.99,
    timestamp=TIMESTAMP,
)


def only_call(event: dict[str, Any], settings: ConvertroSettings = SETTINGS) -> Any:
    translation = translate(event, settings, accepted_at=ACCEPTED_AT)
    assert (translation.skipped, translation.invalid) == (None, None)
    (call,) = translation.calls
    return call


def value_or_reason(event: dict[str, Any]) -> Any:
    translation = translate(event, SETTINGS)
    return translation.invalid or only_call(event).event_value


def event_types(event: dict[str, Any], settings: ConvertroSettings = SETTINGS) -> list[Any]:
    calls: Any = translate(event, settings).calls
    return [call.event_type for call in calls]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(
            web_identify(),
            TrackUser(
                domain=DOMAIN,
                visitor_id=ANONYMOUS_ID,
                user_id=USER_ID,
                traits={"email": "ada@example.com", "age": 36, "id": USER_ID},
            ),
            id="web identify",
        ),
        pytest.param(web_track(), SIGNUP, id="web track"),
        pytest.param(order_completed(), SALE, id="order completed"),
        pytest.param(
            mobile_identify(),
            LinkDevice(domain=DOMAIN, device_id=DEVICE_ID, user_id=USER_ID),
            id="mobile identify",
        ),
        pytest.param(mobile_track(), UPGRADE, id="mobile track"),
        pytest.param(
            application_installed(),
            Install(
                domain=DOMAIN,
                device_id=DEVICE_ID,
                app={
                    "name": "Acme",
                    "version": "3.2.1",
                    "build": "3210",
                    "namespace": "com.example.acme",
                },
                os={"name": "iOS", "version": "17.4"},
                advertising_id=ADVERTISING_ID,
                timestamp=TIMESTAMP,
            ),
            id="application installed",
        ),
    ],
)
def test_each_kind_of_event_becomes_its_call(event: dict[str, Any], expected: Call) -> None:
    before = deepcopy(event)
    assert translate(event, SETTINGS) == Translation(calls=(expected,))
    assert event == before


#: Values that identify no person.
PLACEHOLDERS = (
    *(" ", "\t", "\u00a0", "null", "undefined", "NaN", "None", "<nil>", "(null)"),
    *("[object Object]", 10**400),
)
NOBODY: dict[str, Any] = {"userId": ABSENT, "anonymousId": ABSENT}
OFF = {"Convertro": False}
ALL_OFF = {"All": False}
NO_DEVICE = phone_context(device={"type": "ios"})


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param(web_track(integrations=OFF), "disabled", id="off by name"),
        pytest.param(web_track(integrations=ALL_OFF), "disabled", id="off for all"),
        pytest.param(web_track(type="page", integrations=OFF), "disabled", id="off before type"),
        pytest.param(web_track(event="", integrations=OFF), "disabled", id="off before name"),
        pytest.param(web_track(integrations=OFF, **NOBODY), "disabled", id="off before identity"),
        pytest.param(
            web_track(type="page", **NOBODY), "unsupported_type", id="type before identity"
        ),
        *(
            pytest.param(web_track(type=kind), "unsupported_type", id=f"type {kind!r}")
            for kind in ("page", "screen", "group", "alias", "Track", "track ", "")
        ),
        *(
            pytest.param(
                event(userId=value), "anonymous_identify", id=f"{event.__name__} {value!r}"
            )
            for event in (web_identify, mobile_identify)
            for value in (*(ABSENT, None, "", 0, 0.0, False, True, [], {"id": 1}), *PLACEHOLDERS)
        ),
        pytest.param(
            mobile_identify(userId=ABSENT, context=NO_DEVICE),
            "anonymous_identify",
            id="anonymous before device",
        ),
        pytest.param(order_completed(properties={"total": 5}), "missing_order_id", id="no order"),
        pytest.param(order_completed(properties=None), "missing_order_id", id="no properties"),
        pytest.param(web_track(event="Song Played"), "unmapped_event", id="unmapped"),
    ],
)
def test_nothing_is_sent_where_a_rule_says_so(event: dict[str, Any], reason: str) -> None:
    assert translate(event, SETTINGS) == Translation(skipped=reason)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param({}, "invalid_event", id="nothing in it"),
        pytest.param(web_track(type=ABSENT), "invalid_event", id="no type"),
        pytest.param(web_track(type=1), "invalid_event", id="type is a number"),
        pytest.param(web_track(type=["track"]), "invalid_event", id="type is a list"),
        pytest.param([], "invalid_event", id="not an object"),
        pytest.param(web_track(messageId="m" * 101), "invalid_event", id="messageId too long"),
        pytest.param(web_track(type=1, **NOBODY), "invalid_event", id="type before identity"),
        pytest.param(web_track(**NOBODY), "no_identity", id="nobody"),
        pytest.param(web_track(userId=None, anonymousId=""), "no_identity", id="empty ids"),
        pytest.param(web_track(userId=0, anonymousId=False), "no_identity", id="no ids"),
        pytest.param(web_track(userId=["u"], anonymousId={}), "no_identity", id="ids are lists"),
        pytest.param(
            web_track(context={"device": {"id": 7}}, **NOBODY), "no_identity", id="device a number"
        ),
        pytest.param(web_track(context={"device": "d"}, **NOBODY), "no_identity", id="device text"),
        pytest.param(
            web_track(userId="null", anonymousId="undefined"), "no_identity", id="placeholders"
        ),
        pytest.param(
            mobile_track(context=phone_context(device={"id": "unknown"}), **NOBODY),
            "no_identity",
            id="a device id that many have",
        ),
        pytest.param(web_track(event="", **NOBODY), "no_identity", id="identity before name"),
        *(
            pytest.param(
                event(channel="browser", context={"device": {"id": "d-1"}}, **NOBODY),
                "no_identity",
                id=f"a website's {event.__name__} of a device",
            )
            for event in (web_track, order_completed)
        ),
        pytest.param(web_identify(**NOBODY), "no_identity", id="identity before userId"),
        *(
            pytest.param(event(event=value), "invalid_event", id=f"{event.__name__} {value!r}")
            for event in (web_track, mobile_track)
            for value in (ABSENT, None, "", 7, True, ["Signed Up"], {"name": "Signed Up"})
        ),
        *(
            pytest.param(
                event(context=phone_context(device=value)),
                "missing_device_id",
                id=f"{event.__name__} device={value!r}",
            )
            for event in (mobile_identify, mobile_track)
            for value in (
                *({}, {"id": ""}, {"id": None}, {"id": 7}, {"id": ["d"]}, ABSENT, [], "d"),
                *({"id": "00000000-0000-0000-0000-000000000000"}, {"id": "N/A"}),
            )
        ),
        pytest.param(
            mobile_track(context=NO_DEVICE, properties={"revenue": "free"}),
            "missing_device_id",
            id="device before amount",
        ),
        pytest.param(
            application_installed(context=NO_DEVICE), "missing_device_id", id="install, no device"
        ),
        pytest.param(
            mobile_track(context={"library": {"name": "analytics-node"}}),
            "missing_device_id",
            id="server, no device",
        ),
    ],
)
def test_what_an_operator_should_look_at_says_why(event: Any, reason: str) -> None:
    assert translate(event, SETTINGS) == Translation(invalid=reason)


@pytest.mark.parametrize(
    "integrations",
    [
        ABSENT,
        None,
        [],
        "false",
        False,
        {},
        {"All": True},
        {"All": None},
        {"All": 0},
        {"All": False, "Convertro": True},
        {"all": False, "Convertro": {}},
        {"Convertro": "false"},
        {"Convertro": 0},
        {"convertro": False},
        {"All": 0, "all": None, "ALL": "false"},
        {"Al": False, "All ": False},
        {"Salesforce": False},
    ],
)
def test_only_false_switches_convertro_off(integrations: Any) -> None:
    assert only_call(web_track(integrations=integrations)) == SIGNUP


@pytest.mark.parametrize(
    "integrations",
    [
        {"Convertro": False},
        {"Convertro": False, "All": True},
        {"All": False},
        {"all": False},
        {"ALL": False},
        {"All": True, "all": False},
        {"All": False, "Convertro": None},
        {"all": False, "convertro": True},
    ],
)
def test_convertro_is_off_by_its_name_or_else_with_all(integrations: Any) -> None:
    assert translate(web_track(integrations=integrations), SETTINGS).skipped == "disabled"


CONSENT = ConvertroSettings(
    domain=DOMAIN, events={"Signed Up": "signup"}, consent_categories=["Advertising", "Analytics"]
)


def consenting(preferences: Any, **fields: Any) -> dict[str, Any]:
    return web_track(
        context={**WEB_CONTEXT, "consent": {"categoryPreferences": preferences}}, **fields
    )


@pytest.mark.parametrize(
    ("preferences", "sent"),
    [
        ({"Advertising": True, "Analytics": True}, True),
        ({"Advertising": True, "Analytics": True, "Other": False}, True),
        ({"Advertising": True, "Analytics": False}, False),
        ({"Advertising": True}, False),
        ({"Advertising": True, "analytics": True}, False),
        *(({"Advertising": True, "Analytics": value}, False) for value in (None, 1, "true", [])),
        ({}, False),
        *((value, True) for value in (None, [], "all", True)),
    ],
)
def test_each_required_category_must_be_consented_to(preferences: Any, sent: bool) -> None:
    expected = Translation(calls=(SIGNUP,)) if sent else Translation(skipped="no_consent")
    assert translate(consenting(preferences), CONSENT) == expected
    assert only_call(consenting(preferences)) == SIGNUP


@pytest.mark.parametrize("consent", [None, [], "yes", {}])
def test_an_event_without_preferences_is_sent(consent: Any) -> None:
    event = web_track(context={**WEB_CONTEXT, "consent": consent})
    assert only_call(event, CONSENT) == SIGNUP


def test_consent_comes_after_integrations_and_before_all_else() -> None:
    assert translate(consenting({}, integrations=OFF), CONSENT).skipped == "disabled"
    assert translate(consenting({}, type="page"), CONSENT).skipped == "no_consent"
    assert translate(consenting({}, **NOBODY), CONSENT).skipped == "no_consent"


@pytest.mark.parametrize(
    ("user_id", "sent"),
    [
        *((text, text) for text in ("u-1", " u", "0", "NULL", "nan", "none", "nil", "undefined1")),
        *((97980, "97980"), (97980.0, "97980"), (-1, "-1"), (1.5, "1.5")),
        *((2**63, "9223372036854775808"), (1e21, "1000000000000000000000")),
        *((value, None) for value in (ABSENT, None, "", 0, 0.0, True, False, [1], {"id": 1})),
        *((value, None) for value in PLACEHOLDERS),
    ],
)
def test_a_user_id_is_sent_as_text(user_id: Any, sent: Any) -> None:
    assert only_call(web_track(userId=user_id)) == dataclasses.replace(SIGNUP, user_id=sent)
    assert only_call(mobile_track(userId=user_id)) == dataclasses.replace(UPGRADE, user_id=sent)


@pytest.mark.parametrize(
    ("anonymous_id", "sent"),
    [
        *(("v-1", "v-1"), (42, "42"), (42.0, "42")),
        *((value, None) for value in (ABSENT, None, True, 0, "undefined", " ")),
    ],
)
def test_the_visitor_is_the_anonymous_id(anonymous_id: Any, sent: Any) -> None:
    expected = dataclasses.replace(SIGNUP, visitor_id=sent)
    assert only_call(web_track(anonymousId=anonymous_id)) == expected
    assert only_call(web_identify(anonymousId=anonymous_id)).visitor_id == sent


def test_a_device_id_is_identity_enough() -> None:
    assert only_call(mobile_track(**NOBODY)) == dataclasses.replace(UPGRADE, user_id=None)


@pytest.mark.parametrize(
    ("traits", "sent"),
    [
        ({"a": None, "id": "other"}, {"a": None, "id": USER_ID}),
        (
            {"ID": 1, "_id": 2, "address": {"city": "X"}},
            {"ID": 1, "_id": 2, "address": {"city": "X"}, "id": USER_ID},
        ),
        *((value, {"id": USER_ID}) for value in (ABSENT, None, {}, [], ["a"], "text", 3, True)),
    ],
)
def test_traits_go_as_they_are_with_the_user_id(traits: Any, sent: dict[str, Any]) -> None:
    event = web_identify(traits=traits)
    event["context"]["traits"] = {"phone": "555"}
    before = deepcopy(event)
    assert only_call(event).traits == sent
    assert event == before


def test_a_numeric_user_id_becomes_the_trait_as_text() -> None:
    call = only_call(web_identify(userId=42.0, traits={"id": 7}))
    assert (call.user_id, call.traits) == ("42", {"id": "42"})


@pytest.mark.parametrize(
    ("repeat", "plain", "hybrid"),
    [
        (True, ["sale.repeat"], ["sale.repeat", "sale"]),
        (False, ["sale.new"], ["sale.new", "sale"]),
        *(
            (value, ["sale"], ["sale"])
            for value in (ABSENT, None, "true", "false", 1, 0, "", [True], {"repeat": True})
        ),
    ],
)
def test_repeat_says_what_kind_of_sale_it_is(
    repeat: Any, plain: list[str], hybrid: list[str]
) -> None:
    properties = {**ORDER, "repeat": repeat}
    if repeat is ABSENT:
        del properties["repeat"]
    assert event_types(order_completed(properties=properties)) == plain
    assert event_types(order_completed(properties=properties), HYBRID) == hybrid


def test_both_calls_of_a_hybrid_sale_say_the_same_but_for_the_type() -> None:
    calls = translate(order_completed(properties={**ORDER, "repeat": False}), HYBRID).calls
    assert calls == (dataclasses.replace(SALE, event_type="sale.new"), SALE)


def test_orders_do_not_consult_the_events_setting() -> None:
    settings = ConvertroSettings(events={"Order Completed": "purchase", "order completed": "buy"})
    assert event_types(order_completed(), settings) == ["sale"]
    assert translate(order_completed(properties={}), settings).skipped == "missing_order_id"


@pytest.mark.parametrize(
    "name", ["order-completed", "Order  Completed", "Completed Order Refunded"]
)
def test_what_only_resembles_an_order_is_an_event_like_others(name: str) -> None:
    assert translate(order_completed(event=name), SETTINGS).skipped == "unmapped_event"
    assert event_types(order_completed(event=name), ConvertroSettings(events={name: "x"})) == ["x"]


def test_every_matching_entry_sends_its_type_in_the_settings_order() -> None:
    entries = [("Signed Up", "b"), ("Other", "o"), ("signed_up", "a"), ("signedUp", "b")]
    settings = ConvertroSettings(events=[{"key": key, "value": value} for key, value in entries])
    assert event_types(web_track(event="signed-up"), settings) == ["b", "a", "b"]


def test_repeat_and_hybrid_play_no_part_for_mapped_events() -> None:
    settings = ConvertroSettings(events={"Signed Up": "signup"}, hybrid_attribution_model=True)
    assert event_types(web_track(properties={"repeat": True}), settings) == ["signup"]


def test_a_mapped_event_carries_order_id_and_amount_if_it_has_them() -> None:
    call = only_call(web_track(properties={"order_id": 7, "revenue": "5 EUR"}))
    assert call == dataclasses.replace(SIGNUP, event_id="7", event_value=5)


@pytest.mark.parametrize(
    ("properties", "order_id"),
    [
        ({"id": "a", "orderId": "b", "order_id": "c"}, "a"),
        ({"orderId": "b", "id": "a"}, "a"),
        ({"id": "", "orderId": "b"}, "b"),
        ({"id": None, "orderId": "b"}, "b"),
        ({"id": ["a"], "orderId": "b"}, "b"),
        ({"id": True, "orderId": "b"}, "b"),
        ({"orderId": "b", "order_id": "c"}, "b"),
        ({"order_id": "c", "orderId": "b"}, "c"),
        ({"Order ID": "d"}, "d"),
        ({"ORDER-ID": "d"}, "d"),
        ({"_id": "e"}, "e"),
        ({"id": 50314}, "50314"),
        *(
            ({"id": value, "order_id": "o-1"}, "o-1")
            for value in (0, 0.0, " ", "null", "undefined")
        ),
        *(
            ({"id": value, "orderId": value}, None)
            for value in (0, " ", "null", "undefined", "NaN")
        ),
        ({"id": 1001.0}, "1001"),
        ({"id": 1e21}, "1000000000000000000000"),
        ({"id": -7}, "-7"),
        ({"id": "0"}, "0"),
        ({"id": " a "}, " a "),
        ({"id": 1.5}, "1.5"),
        ({"id": 12345678901234567890}, "12345678901234567890"),
        ({"id": "2024-01-02"}, "2024-01-02"),
        ({"id": "007"}, "007"),
        ({"order_id": None, "orderId": "b"}, None),  # one key, and the first one holds null
        ({"order.id": "f"}, None),
        ({"orders": {"id": "f"}}, None),
        ({"id": False}, None),
        ({"id": {"value": "a"}}, None),
        ({"id": 10**400}, None),
        ({}, None),
        (None, None),
        (["id", "a"], None),
        ("id", None),
    ],
)
def test_the_order_id_is_found_and_never_reinterpreted(properties: Any, order_id: Any) -> None:
    assert only_call(web_track(properties=properties)).event_id == order_id


def test_values_outside_properties_are_ignored() -> None:
    event = order_completed(properties={"id": "a"}, total=5, revenue=6, orderId="b", repeat=True)
    expected = dataclasses.replace(SALE, event_id="a", event_value=None, currency=None)
    assert only_call(event) == expected


@pytest.mark.parametrize(
    ("properties", "web", "order", "other"),
    [
        # On a phone, an order counts as on the web and other events by `revenue` alone.
        ({"total": 5, "revenue": 6}, 5, 5, 6),
        ({"revenue": 6, "total": 5}, 5, 5, 6),
        ({"revenue": 6}, 6, 6, 6),
        ({"total": 5}, 5, 5, 1),
        ({"total": 0, "revenue": 6}, 0, 0, 6),
        ({"total": "0"}, 0, 0, 1),
        ({"revenue": 0}, 0, 0, 0),
        ({"Total": "5", "REVENUE": "6"}, 5, 5, 6),
        *(
            ({"total": value, "revenue": 6}, 6, 6, 6)
            for value in (None, "", "USD", True, False, [5], {"amount": 5}, 10**400)
        ),
        *(({"total": value}, None, 1, 1) for value in (None, "", " ")),
        *(
            ({"total": value, "revenue": other}, None, "unreadable_amount", "unreadable_amount")
            for value in (None, "USD", True, [5])
            for other in ("free", True, [], {}, 10**400)
        ),
        *(({"total": value}, None, "unreadable_amount", 1) for value in ("USD", True, False, {})),
        *(
            ({name: 5}, None, 1, 1)
            for name in ("subtotal", "tax", "shipping", "discount", "value", "price")
        ),
        ({"products": [{"price": 5}]}, None, 1, 1),
        ({}, None, 1, 1),
        (None, None, 1, 1),
        ([5], None, 1, 1),
    ],
)
def test_the_amount_is_total_else_revenue(
    properties: Any, web: Any, order: Any, other: Any
) -> None:
    assert only_call(web_track(properties=properties)).event_value == web
    phone_order = mobile_track(event="Order Completed", properties=properties)
    assert value_or_reason(phone_order) == order
    assert value_or_reason(mobile_track(properties=properties)) == other


@pytest.mark.parametrize(
    ("currency", "sent"),
    [
        *(("EUR", "EUR"), ("eur", "EUR"), ("xYz", "XYZ")),
        *((value, None) for value in (ABSENT, None, "", "EU", "EURO", " EUR", "E R", "ÉUR", "E1R")),
        *((value, None) for value in (978, True, ["EUR"], "EUR\n")),
    ],
)
def test_the_currency_goes_along_with_an_amount(currency: Any, sent: Any) -> None:
    properties = {"id": "1", "revenue": 5, "Currency": currency}
    if currency is ABSENT:
        del properties["Currency"]
    for event in (web_track, order_completed, mobile_track):
        assert only_call(event(properties=properties)).currency == sent


@pytest.mark.parametrize("revenue", [None, " ", "USD"])
def test_without_an_amount_there_is_no_currency(revenue: Any) -> None:
    properties = {"id": "1", "revenue": revenue, "currency": "EUR"}
    assert only_call(web_track(properties=properties)).currency is None
    if revenue != "USD":
        call = only_call(mobile_track(properties=properties))
        assert (call.event_value, call.currency) == (1, None)


@pytest.mark.parametrize(
    ("name", "properties", "order_id"),
    [
        ("Order Completed", {"order_id": "o-1", "total": 5}, "o-1"),
        ("completed_order", {"id": 1001.0}, "1001"),
        ("Order Completed", {"transaction_id": "t-1"}, None),
        ("Order Completed", {"id": "null"}, None),
        ("Plan Upgraded", {"order_id": "o-1", "revenue": 5}, None),
    ],
)
def test_an_order_of_a_phone_carries_its_id(
    name: str, properties: dict[str, Any], order_id: str | None
) -> None:
    assert only_call(mobile_track(event=name, properties=properties)).event_id == order_id


@pytest.mark.parametrize(
    ("device", "sent"),
    [
        ({}, ADVERTISING_ID),
        ({"adTrackingEnabled": ABSENT}, ADVERTISING_ID),
        *(({"adTrackingEnabled": value}, ADVERTISING_ID) for value in (None, 0, "false")),
        ({"adTrackingEnabled": False}, None),
        *(
            ({"advertisingId": value}, None)
            for value in ("00000000-0000-0000-0000-000000000000", "unknown", " ", 7, None, ABSENT)
        ),
    ],
)
def test_an_advertising_id_is_sent_if_it_tells_and_may_be_used(
    device: dict[str, Any], sent: str | None
) -> None:
    whole = {**phone_context()["device"], **device}
    present = {name: value for name, value in whole.items() if value is not ABSENT}
    call = only_call(application_installed(context=phone_context(device=present)))
    assert call.advertising_id == sent


def test_a_phones_event_goes_under_its_own_name() -> None:
    settings = ConvertroSettings(
        domain=DOMAIN, events={"Plan Upgraded": "upgrade"}, hybrid_attribution_model=True
    )
    assert only_call(mobile_track(), settings) == UPGRADE
    order = mobile_track(event=" completed_order", properties={"repeat": True})
    assert event_types(order, settings) == [" completed_order"]


@pytest.mark.parametrize(
    "name", ["application installed", "Installed Application", "_ApplicationInstalled_"]
)
def test_an_install_goes_to_its_own_endpoint(name: str) -> None:
    call = only_call(application_installed(event=name, userId=USER_ID))
    assert isinstance(call, Install)
    assert call.user_id == USER_ID


def test_an_install_on_the_web_is_an_event_like_others() -> None:
    event = web_track(event="Application Installed")
    assert translate(event, SETTINGS).skipped == "unmapped_event"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"app": {"name": "Acme", "size": 7}}, ({"name": "Acme"}, {}, None)),
        ({"app": {"build": 3210, "version": 0}}, ({"version": 0, "build": 3210}, {}, None)),
        ({"app": {"name": "", "version": None, "build": True}}, ({}, {}, None)),
        ({"app": {"name": ["Acme"], "namespace": {}}}, ({}, {}, None)),
        ({"app": "Acme", "os": ["iOS"]}, ({}, {}, None)),
        ({"os": {"name": "", "version": 17, "x": "y"}}, ({}, {"version": 17}, None)),
        ({"device": {"id": "d", "advertisingId": ""}}, ({}, {}, None)),
        ({"device": {"id": "d", "advertisingId": 7}}, ({}, {}, None)),
        ({"device": {"id": "d", "advertisingId": "a"}}, ({}, {}, "a")),
    ],
)  # fmt: skip
def test_an_install_says_what_is_known(context: dict[str, Any], expected: Any) -> None:
    call = only_call(application_installed(context={"device": {"id": "d"}, **context}))
    assert (call.app, call.os, call.advertising_id) == expected


USABLE = ("2026-05-04", "2026-05-04T10:15:30.123Z", "2026-05-04T10:15:30+02:00", "20260504T101530Z")
UNUSABLE = (ABSENT, None, "", "yesterday", 1777889730, 1777889730.5, True, [], {}, "1777889730")


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp", "receivedAt"])
@pytest.mark.parametrize("value", USABLE)
def test_a_time_is_passed_on_as_it_came(field: str, value: str) -> None:
    worse = {"originalTimestamp": "2026-01-01", "receivedAt": "2026-01-02"}
    better = {"timestamp": ABSENT, "originalTimestamp": "soon"}
    order = ["timestamp", "originalTimestamp", "receivedAt"]
    fields = {name: better[name] for name in order[: order.index(field)]}
    fields |= {name: worse[name] for name in order[order.index(field) + 1 :]}
    assert only_call(web_track(**fields, **{field: value})).timestamp == value


@pytest.mark.parametrize("value", UNUSABLE)
def test_an_event_without_a_usable_time_has_that_of_its_acceptance(value: Any) -> None:
    fields = dict.fromkeys(("timestamp", "originalTimestamp", "receivedAt"), value)
    for event in (web_track(**fields), mobile_track(**fields), application_installed(**fields)):
        assert only_call(event).timestamp == ACCEPTED_AT
        (call,) = translate(event, SETTINGS).calls
        assert isinstance(call, TrackEvent | DeviceEvent | Install)
        assert call.timestamp is None
