"""Amounts as producers write them."""

from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.destination.amounts import amount_of, is_provided


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
        ("9" * 400, None),
        ("", None),
        (" ", None),
        ("-", None),
        (".", None),
        # signs and blanks
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$-5", -5),
        ("$-.5", -0.5),
        ("- 5", -5),
        ("- $ 5", -5),
        ("\u22125", -5),
        ("--5", None),
        ("-$-5", None),
        ("5-", None),
        ("(5)", None),
        ("€ 5", 5),
        ("5€", 5),
        ("¥500", 500),
        ("￥500", 500),
        ("₿0.1", 0.1),
        ("\u200f5.00\u00a0₪", 5),
        (" 5\n", 5),
        ("$5€", None),
        ("5€50", None),
        ("50¢", None),
        # codes
        ("12 USD", 12),
        ("5EUR", 5),
        ("12 usd", 12),
        ("USD 12", 12),
        ("USD 12.00", 12),
        ("USD -12", -12),
        ("$12.00 USD", 12),
        ("US$ 12", 12),
        ("R$ 1.234,50 BRL", 1234.5),
        ("MXN$ 12", 12),
        ("XPT 12", 12),
        ("XTS 12", 12),
        ("12 XAD", 12),
        ("12 kr DKK", 12),
        ("USD", None),
        ("USD 12 EUR", None),
        ("USDX 12", None),
        ("12 XYZ", None),
        # local signs
        ("kr 1.299,00", 1299),
        ("1 299,00 kr", 1299),
        ("kr.1299,00", 1299),
        ("Rp 1.250.000", 1_250_000),
        ("1 234,50 zł", 1234.5),
        ("1 234,50 Kč", 1234.5),
        ("1 234,50 Kc\u030c", 1234.5),
        ("12 345 Ft", 12_345),
        ("Fr. 12.50", 12.5),
        ("Fr.12.50", 12.5),
        ("Rs.500", 500),
        ("Rs. 1,00,000", 100_000),
        ("S/.12.50", 12.5),
        ("R 1 234,50", 1234.5),
        ("1 299 руб.", 1299),
        ("1\u00a0299,90\u00a0₽", 1299.9),
        ("100 ГРН", 100),
        ("12,345円", 12_345),
        ("12,345元", 12_345),
        ("12,345원", 12_345),
        ("500 บาท", 500),
        ("12 Euro", 12),
        ("kr 12 kr", None),
        ("1万円", None),
        # no cents
        ("5,-", 5),
        ("5.-", 5),
        ("CHF 1'299.-", 1299),
        ("1.299,- kr", 1299),
        ("12,\u2013 €", 12),
        ("12.--", 12),
        ("199:-", 199),
        ("1.299.-", 1299),
        ("CHF 12.345.678.-", 12_345_678),
        ("1,299,-", 1299),
        ("1.299:-", 1299),
        ("Rs. 500/-", 500),
        ("Rs. 1,250/-", 1250),
        ("Tsh 5,000/=", 5000),
        ("12.5/-", None),
        ("12/5", None),
        ("12.5,-", None),
        ("19.99.-", None),
        ("1.299.", None),
        ("1.299,", 1299),
        ("1,234,56.-", None),
        ("12:5", None),
        # a currency without cents
        ("Rp 50.000", 50_000),
        ("50.000 ₫", 50_000),
        ("IDR 50.000", 50_000),
        ("12.345 Ft", 12_345),
        ("HUF 12.345", 12_345),
        ("12.345 din.", 12_345),
        ("12.345 дин", 12_345),
        ("12.345 ден", 12_345),
        ("₡12.345", 12_345),
        ("12.5 Ft", 12.5),
        ("JPY 1.5", 1.5),
        ("€ 1.234", 1.234),
        # separators between thousands
        ("1,234", 1234),
        ("1,234,567.89", 1_234_567.89),
        ("12,34,567.89", 1_234_567.89),
        ("1,23,456", 123_456),
        ("1,00,000", 100_000),
        ("1,234.", 1234),
        ("1.234,", 1234),
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
        ("1 234 567", 1_234_567),
        # groups that are none
        ("2 5", None),
        ("12 34", None),
        ("1234 567", None),
        ("1  234", None),
        ("1 234'567", None),
        ("12 .50", None),
        ("5'11", None),
        ("1,234,56", None),
        ("123,45,678", None),
        ("19.99.99", None),
        ("1.23.456", None),
        # a single comma or dot
        ("12,5", 12.5),
        ("12,50 €", 12.5),
        ("0,123", 0.123),
        ("1234,567", 1234.567),
        ("1,2345", 1.2345),
        (",5", 0.5),
        ("1.234", 1.234),
        # what only begins with a number
        ("12k", None),
        ("1.5M", None),
        ("5M$", None),
        ("3 days", None),
        ("12 per month", None),
        ("12,5%", None),
        ("5 km", None),
        ("2024-01-15", None),
        ("5-10", None),
        ("1e5", None),
        ("1.5e-7", None),
        ("0x10", None),
        ("free", None),
        # what is no number to JSON either
        ("1_000", None),
        ("19.99_5", None),
        ("1_", None),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        # digits of other scripts
        ("\u0661\u0662", None),
        ("\uff11\uff12", None),
        ("\u0967\u0968", None),
        ("1\uff12", None),
        ("1.\u0665", None),
        ("1\u066c234", None),
    ],
)
def test_an_amount_is_read(value: Any, amount: Any) -> None:
    read = amount_of(value)
    assert read == (None if amount is None else pytest.approx(amount, abs=0))


@given(st.text(st.sampled_from("0123456789.,-+eE$€ '_xkrUSD:\u00a0٣")) | st.text())
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
def test_a_number_written_out_is_read_back_unless_it_has_an_exponent(number: float) -> None:
    written = repr(number)
    assert amount_of(written) == (None if "e" in written else number)


@pytest.mark.parametrize(
    ("value", "provided"),
    [
        *((value, False) for value in (None, "", " ", "\t\n", "\u00a0\u3000")),
        *((value, True) for value in (0, False, True, [], {}, "0", "free", "null")),
    ],
)
def test_null_and_blank_text_are_no_amount_at_all(value: Any, provided: bool) -> None:
    assert is_provided(value) is provided


@pytest.mark.parametrize(
    "text",
    [
        "1,22" * 16_000,
        "1.234" * 13_000,
        "$" * 65_000,
        "9" * 65_000,
        "1 " * 32_000,
        "R." * 32_000 + "5",
    ],
)
def test_hostile_text_takes_little_time(text: str) -> None:
    amount_of(text)
