"""What holds for the translation of every event."""

import json
import re
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.destination import ConvertroSettings
from tests.support.events import (
    application_installed,
    mobile_identify,
    mobile_track,
    order_completed,
    web_identify,
    web_track,
)
from tests.support.hostile import events as hostile
from worker.destination import DeviceEvent, TrackEvent, TrackUser, Translation, translate
from worker.destination.wire import body_of, encode_body

# Drawing such events takes long, which is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SETTINGS = ConvertroSettings(
    domain="shop.example.com",
    events={"Signed Up": "signup", "登録完了": "signup"},
    hybrid_attribution_model=True,
    consent_categories=["Advertising"],
)

#: Placeholders that identify no person or device, for ids of every kind.
PLACEHOLDERS = {
    *("", " ", "\t", "null", "undefined", "NaN", "None", "<nil>", "(null)", "[object Object]"),
}
SHARED = {"unknown", "nil", "n/a", "9774d56d682e549c", "0", "0000-0000"}

ids = (
    st.sampled_from(sorted(PLACEHOLDERS | SHARED))
    | st.sampled_from(["u-1", "  u", "NULL", 97980, 97980.0, 1.5, -1, True, None, [], {"id": 1}])
    | hostile.values
)
amounts = (
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "$", "-", "USD ", "kr ", "Rp", "€ -", "Fr. ", "x"]),
        st.sampled_from(["1", "0", "12", "1234", "1,234", "1.234", "1 234", "1'234", "1,00,000"]),
        st.sampled_from(["", ".5", ",50", ".-", ",-", ".234", "e5", "k", ",234,567"]),
        st.sampled_from(["", " USD", "円", " kr", "%", " per month"]),
    )
    | st.sampled_from([0, 27.5, -3, 10**400, True, None, "", " ", "free", [5], {"amount": 5}])
    | st.text(max_size=8)
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "total": amounts,
        "Revenue": amounts,
        "value": st.just(7777),
        "price": st.just(7777),
        "id": ids,
        "order_id": ids,
        "transactionId": ids,
        "currency": st.sampled_from(["EUR", "usd", "", "EURO", 978, None]),
        "repeat": st.sampled_from([True, False, None, 1, "true"]),
    },
)
names = st.sampled_from(
    ["Order Completed", "completed_order", "Signed Up", "登録完了", "カート追加", "🎉", "Other"]
)
device = st.fixed_dictionaries(
    {},
    optional={
        "id": ids,
        "type": st.sampled_from(["ios", "android", "tablet"]),
        "advertisingId": ids,
        "adTrackingEnabled": st.sampled_from([True, False, None]),
    },
)


def _event(make: Any, fields: dict[str, Any], said: Any, phone: Any) -> dict[str, Any]:
    event: dict[str, Any] = make(**fields)
    if event["type"] == "track":
        event["properties"] = said
    if phone:
        event["context"]["device"] = phone
    return event


odd_events = st.builds(
    _event,
    st.sampled_from(
        [
            *(web_identify, web_track, order_completed),
            *(mobile_identify, mobile_track, application_installed),
        ]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "userId": ids,
            "anonymousId": ids,
            "event": names,
            "channel": st.sampled_from(["client", "mobile", "browser", "server"]),
            "integrations": hostile.values,
        },
    ),
    properties,
    device,
)
any_events = odd_events | hostile.events | hostile.values


@given(any_events)
@patient
def test_each_event_has_one_outcome_and_nothing_is_raised(event: Any) -> None:
    before = deepcopy(event)
    translation = translate(event, SETTINGS)
    assert event == before
    outcomes = (bool(translation.calls), bool(translation.skipped), bool(translation.invalid))
    assert sum(outcomes) == 1
    assert not (translation.invalid and translation.notes)


@given(odd_events, st.randoms(use_true_random=False))
@patient
def test_equal_events_mean_the_same(event: dict[str, Any], chance: Any) -> None:
    event = json.loads(json.dumps(event))  # which joins two halves of a surrogate pair
    fields = list(event.items())
    chance.shuffle(fields)
    same = json.loads(json.dumps(dict(fields)))
    assert translate(same, SETTINGS) == translate(event, SETTINGS)


@given(any_events)
@patient
def test_no_placeholder_is_ever_sent_as_an_id(event: Any) -> None:
    for call in translate(event, SETTINGS).calls:
        for field in ("user_id", "visitor_id", "event_id", "device_id", "advertising_id"):
            identifier = getattr(call, field, None)
            if identifier is None:
                continue
            assert isinstance(identifier, str)
            assert identifier.strip()
            assert identifier not in PLACEHOLDERS
            if field in {"device_id", "advertising_id"}:
                assert identifier.lower() not in SHARED | {word.lower() for word in PLACEHOLDERS}
                assert set(identifier) - set("0-")


TRAIT = "trait-that-no-phone-sends"


@given(odd_events)
@patient
def test_no_trait_ever_goes_to_the_server_to_server_interface(event: dict[str, Any]) -> None:
    event["traits"] = {"email": TRAIT, "id": TRAIT, TRAIT: 1}
    event["context"]["traits"] = {"email": TRAIT}
    for call in translate(event, SETTINGS).calls:
        if not isinstance(call, TrackUser):
            assert TRAIT.encode() not in encode_body(body_of(call))


def significant(text: str) -> str:
    """The digits of a number without the zeros at its ends."""
    return re.sub(r"[^0-9]", "", text).strip("0")


def says(value: Any, amount: float) -> bool:
    """Whether a property holds an amount, decided without the product's reader."""
    if isinstance(value, str):
        written = format(Decimal(repr(abs(amount))), "f")
        return significant(value) == significant(written)
    return not isinstance(value, bool) and value == amount


@given(odd_events)
@patient
def test_an_amount_is_in_the_event_or_it_is_the_1_that_stands_for_none(
    event: dict[str, Any],
) -> None:
    for call in translate(event, SETTINGS).calls:
        if not isinstance(call, TrackEvent | DeviceEvent) or call.event_value is None:
            continue
        said = {name.lower(): value for name, value in event["properties"].items()}
        if call.currency is not None:
            assert call.currency == said["currency"].upper()
        if says(said.get("total"), call.event_value) or says(said.get("revenue"), call.event_value):
            continue
        assert isinstance(call, DeviceEvent)
        assert (call.event_value, call.currency) == (1, None)
        is_order = call.event_type != "Plan Upgraded" and "rder" in call.event_type
        for name in ("total", "revenue") if is_order else ("revenue",):
            value = said.get(name)
            assert value is None or (isinstance(value, str) and not value.strip())


@pytest.mark.parametrize("value", ["$1,234.50", "1.234,50 kr", "27", 5, 0])
def test_the_check_of_amounts_can_fail(value: Any) -> None:
    assert not says(value, 7777)
    translation = translate(mobile_track(properties={"revenue": value}), SETTINGS)
    assert isinstance(translation, Translation)
    (call,) = translation.calls
    assert isinstance(call, DeviceEvent)
    assert says(value, call.event_value)
