"""Amounts as producers write them."""

from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.destination.amounts import amount_of


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        # numbers
        (27.5, 27.5),
        (0, 0),
        (-5, -5),
        (1e300, 1e300),
        (10**400, None),
        (-(10**400), None),
        (float("nan"), None),
        (float("inf"), None),
        # no amounts at all
        *((value, None) for value in (None, True, False, [], [5], {}, {"amount": 5})),
        # plain strings
        ("19.99", 19.99),
        ("0", 0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5),
        ("+5", 5),
        ("1e5", 100_000),
        ("1.5e-7", 1.5e-7),
        ("1e", 1),
        ("1e999", None),
        ("9" * 400, None),
        ("", None),
        (" ", None),
        ("-", None),
        (".", None),
        # currencies and blanks
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$-5", -5),
        ("- 5", -5),
        ("- $ 5", -5),
        ("\u22125", -5),
        ("--5", None),
        ("(5)", None),
        ("12 USD", 12),
        ("5EUR", 5),
        ("USD", None),
        ("USD 12", None),
        ("US$ 12", None),
        ("€ 5", 5),
        ("5€", 5),
        ("¥500", 500),
        ("￥500", 500),
        ("₿0.1", 0.1),
        ("\u200f5.00\u00a0₪", 5),
        (" 5\n", 5),
        # separators between thousands
        ("1,234", 1234),
        ("1,234,567.89", 1_234_567.89),
        ("12,34,567.89", 1_234_567.89),
        ("1,23,456", 123_456),
        ("1,234.", 1234),
        ("1234,567.89", 1_234_567.89),
        ("1.234,50", 1234.5),
        ("1.234.567", 1_234_567),
        ("1.234.567,89", 1_234_567.89),
        ("1 234,50", 1234.5),
        ("1\u00a0234,50", 1234.5),
        ("1\u202f234,50", 1234.5),
        ("1\u2009234", 1234),
        ("1'234.50", 1234.5),
        ("1\u2019234\u2019567", 1_234_567),
        ("5'11", 5),
        # a single comma or dot
        ("12,5", 12.5),
        ("12,50 €", 12.5),
        ("0,123", 0.123),
        ("1234,567", 1234.567),
        ("1,2345", 1.2345),
        (",5", 0.5),
        ("5,-", 5),
        ("1.234", 1.234),
        # what begins with a number
        ("19.99.99", 19.99),
        ("1,234,56", 1234),
        ("12 per month", 12),
        # what is no number to JSON either
        ("1_000", None),
        ("19.99_5", None),
        ("1_", 1),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("0x10", 0),
        ("\u0661\u0662", None),
        ("\uff11\uff12", None),
        ("1\uff12", None),
        ("1.\u0665", None),
    ],
)
def test_an_amount_is_read(value: Any, amount: Any) -> None:
    read = amount_of(value)
    assert read == (None if amount is None else pytest.approx(amount, abs=0))


@given(st.text(st.sampled_from("0123456789.,-+eE$€ '_x\u00a0٣")) | st.text())
def test_any_text_is_a_finite_amount_or_none(text: str) -> None:
    amount = amount_of(text)
    assert amount is None or isfinite(amount)


@given(st.integers(-(10**12), 10**12), st.sampled_from([",", " ", "'", "\u202f"]))
def test_the_separator_between_thousands_does_not_matter(cents: int, separator: str) -> None:
    written = f"{cents / 100:,.2f}".replace(",", separator)
    assert amount_of(written) == pytest.approx(cents / 100)
    european = f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))
    assert amount_of(european) == pytest.approx(cents / 100)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_out_is_read_back(number: float) -> None:
    assert amount_of(repr(number)) == number


@pytest.mark.parametrize(
    "text", ["1,22" * 16_000, "1.234" * 13_000, "$" * 65_000, "1e" + "9" * 65_000]
)
def test_hostile_text_takes_no_time_to_speak_of(text: str) -> None:
    amount_of(text)
