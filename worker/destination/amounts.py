r"""Reads amounts as producers write them: numbers, and strings such as `"$1,234.50"`. Pure.

The whole string must be an amount: a number with at most one currency sign and one currency code
before or after it. In the number a comma, a dot, a blank or an apostrophe separates thousands, and
one comma or dot may be the decimal separator:

    comma and dot           the last one is the decimal separator   1.234,50   1,234.50
    one of them, repeated   separates thousands, in groups          1.234.567  1,23,456
    one comma               separates thousands if three digits     1,234      12,5
                            follow and one to three come before
    one dot                 the decimal separator, unless the       1.234      Rp 1.250
                            currency has no cents
"""

import re
from math import isfinite
from typing import Any
from unicodedata import category, normalize

from worker.destination.fields import is_number

#: ISO 4217.
_CODES = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD "
        "BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP "
        "DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS "
        "INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR "
        "PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW "
        "UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU "
        "XTS XUA XXX YER ZAR ZMW ZWG ZWL"
    )
    .lower()
    .split()
)

#: Local currency signs in lower case; other signs are in Unicode's category Sc.
_LOCAL_SIGNS = frozenset(
    {
        *("us$", "u$s", "au$", "a$", "ca$", "c$", "nz$", "hk$", "nt$", "s$", "r$", "mx$", "rd$"),
        *("kr", "kr.", "rp", "rp.", "rs", "rs.", "rm", "r", "s/", "s/.", "bs", "bs.", "lei", "lek"),
        *("fr", "fr.", "sfr", "sfr.", "zł", "kč", "ft", "tl", "din", "din.", "ksh", "tsh", "ush"),
        *("руб", "руб.", "р", "р.", "грн", "грн.", "тг", "сум"),  # noqa: RUF001  Cyrillic
        *("лв", "лв.", "дин", "дин.", "ден", "ден.", "đ", "vnđ", "dh", "dhs", "rmb"),
        *("euro", "euros", "円", "圓", "元", "圆", "원", "บาท"),
    }
)

#: Codes and signs of currencies without cents, or whose cents are not used. With them a dot before
#: three digits separates thousands.
_WITHOUT_CENTS = frozenset(
    {
        *("bif", "clp", "cop", "crc", "djf", "gnf", "huf", "idr", "isk", "jpy", "kmf", "krw"),
        *("mkd", "pyg", "rsd", "rwf", "ugx", "uyi", "vnd", "vuv", "xaf", "xof", "xpf"),
        *("rp", "rp.", "ft", "din", "din.", "дин", "дин.", "ден", "ден."),
        *("đ", "vnđ", "₫", "₩", "￦", "₲", "₡", "円", "원"),
    }
)

#: Signs of hundredths, which are not accepted.
_CENT_SIGNS = frozenset("¢￠")

#: Typographic minus sign and apostrophe, and the plain characters that replace them.
_PLAIN = str.maketrans({"\u2212": "-", "\u2019": "'"})

_BLANK = re.compile(r"\s")

#: A number and the text around it. A dot after a letter belongs to a sign such as `Rs.`. A
#: separator at the end, alone or with dashes, means "no cents": `5.`, `5,-`, `12:-`, `500/-`.
_AMOUNT = re.compile(
    r"""
    (?P<sign> [+-]? )
    (?P<before> (?: [^0-9+\-.,] | (?<=[^\W\d_]|/)\. )* )
    (?P<inner_sign> [+-]? ) [ ]?
    (?P<number> [.,]? [0-9] (?: .*[0-9] )? )
    (?P<no_cents> [.,] [-\u2013\u2014]{0,2} | [:/]- | /= )?
    (?P<behind> [^0-9]* )
    """,
    re.VERBOSE,
)

#: A number by the table at the top.
_NUMBER = re.compile(
    r"""
    (?P<commas> [0-9]+ (?:,[0-9]{3})+ \.[0-9]+
              | [1-9][0-9]{0,2} (?:,[0-9]{3})+
              | [1-9][0-9]? (?:,[0-9]{2})+ ,[0-9]{3} (?:\.[0-9]+)? )
  | (?P<dots>   [0-9]+ (?:\.[0-9]{3})+ ,[0-9]+
              | [1-9][0-9]{0,2} (?:\.[0-9]{3}){2,} )
  | (?P<gaps>   [1-9][0-9]{0,2} (?: (?:[ ][0-9]{3})+ | (?:'[0-9]{3})+ ) (?:[.,][0-9]+)? )
  | (?P<plain>  [0-9]+ (?:[.,][0-9]+)? )
    """,
    re.VERBOSE,
)
_THOUSANDS = {"commas": ",", "dots": ".", "gaps": " '", "plain": ""}

_DOT_BEFORE_THREE = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")


def amount_of(value: Any) -> float | None:
    """Read the amount of a property; None if it is none.

    Every finite number is an amount, even 0; true and false are none. The digits in a string must
    be ASCII; `1_000`, `1e5`, `12k`, NaN and Infinity are no amounts.
    """
    if is_number(value):
        return value
    return _read(value) if isinstance(value, str) else None


def is_provided(value: Any) -> bool:
    """Whether a property has a value; null and blank text are none."""
    return value is not None and not (isinstance(value, str) and (not value or value.isspace()))


def _read(text: str) -> float | None:
    found = _AMOUNT.fullmatch(_cleaned(text))
    if found is None or (found["sign"] and found["inner_sign"]):
        return None
    before, behind = _markers(found["before"]), _markers(found["behind"])
    if before is None or behind is None:
        return None
    markers = before + behind
    if len({marker in _CODES for marker in markers}) < len(markers):
        return None  # there are two signs or two codes
    number = found["number"] if found["number"][0].isdigit() else f"0{found['number']}"
    # With a mark for "no cents" a dot separates thousands; but the last dot of `1.299.` may end a
    # sentence.
    has_cents = _WITHOUT_CENTS.isdisjoint(markers) and found["no_cents"] in {None, "."}
    amount = _number(number, has_cents=has_cents)
    if amount and found["no_cents"] and not amount.is_integer():
        return None
    return -amount if amount and "-" in found["sign"] + found["inner_sign"] else amount


def _cleaned(text: str) -> str:
    """Remove invisible characters, and replace others by their plain forms."""
    if not text.isascii():
        text = "".join(char for char in normalize("NFC", text) if category(char) != "Cf")
        text = text.translate(_PLAIN)
    return _BLANK.sub(" ", text).strip()


def _markers(text: str) -> tuple[str, ...] | None:
    """Read a text of a currency sign, a code, both or nothing; None for any other text."""
    text = text.replace(" ", "").lower()
    if not text:
        return ()
    if text in _CODES or _is_sign(text):
        return (text,)
    for code, sign in ((text[:3], text[3:]), (text[-3:], text[:-3])):
        if code in _CODES and _is_sign(sign):
            return code, sign
    return None


def _is_sign(text: str) -> bool:
    is_unicodes = len(text) == 1 and category(text) == "Sc" and text not in _CENT_SIGNS
    return is_unicodes or text in _LOCAL_SIGNS


def _number(text: str, *, has_cents: bool) -> float | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    form = found.lastgroup or ""
    if not has_cents and _DOT_BEFORE_THREE.fullmatch(text):
        form = "dots"
    for separator in _THOUSANDS[form]:
        text = text.replace(separator, "")
    amount = float(text.replace(",", "."))
    return amount if isfinite(amount) else None
