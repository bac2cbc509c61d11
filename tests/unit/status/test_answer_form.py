"""An answer's form shows nothing of the event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.status.answer_form import form_of

EVENT = json.dumps(
    {
        "type": "track",
        "event": "Order Completed",
        "messageId": "sale-a",
        "userId": "ada",
        "traits": {"name": "Ada Lovelace", "plan": "Pro"},
        "properties": {"coupon": "summer", "tags": ["gift wrap"]},
    }
).encode()


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("event_value is no number", "event_value is no number"),
        ("order 1001 of 2026-05-04T10:15:30Z is known", "order … of … is known"),
        ("unknown user ada@example.com.", "unknown user …"),
        ("invalid value 'kr 12' for \"total\"", "invalid value '…' for \"…\""),
        ("can't read “that”, don't ask", "can't read “…”, don't ask"),
        ("unknown user ADA (Ada Lovelace), coupon summer", "unknown user … (…), coupon …"),
        ("gift wrap is no problem, prologue", "… is no problem, prologue"),
        ("status 400 by a fault rule", "status … by a fault rule"),
        ("amount 12k is no number", "amount … is no number"),
        ("amount 9,9 is no number", "amount … is no number"),
        ("8a4f1c2e 50 12.5 kr", "… kr"),
        ("", ""),
    ],
)
def test_numbers_quotations_addresses_and_values_of_the_event_are_left_out(
    said: str, form: str
) -> None:
    assert form_of(said, EVENT) == form


@pytest.mark.parametrize("raw", [None, b"no JSON", b"[1]", b"null", b"[" * 100_000])
def test_an_event_that_cannot_be_read_hides_nothing_and_harms_nothing(raw: bytes | None) -> None:
    assert form_of("user ada is unknown", raw) == "user ada is unknown"


@given(
    value=st.text(min_size=3).map(str.strip).filter(lambda value: len(value) > 2),
    before=st.text(),
    after=st.text(),
)
def test_no_value_of_the_event_is_left(value: str, before: str, after: str) -> None:
    raw = json.dumps({"type": "identify", "traits": {"name": value}}).encode()
    form = form_of(f"user | {value} | is unknown", raw)
    assert value not in form.replace("user", "").replace("is unknown", "").replace("|", "")
