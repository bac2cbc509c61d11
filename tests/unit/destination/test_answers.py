"""Every answer falls into one class."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.destination.answers import classify, parse_retry_after
from worker.outcomes import OutcomeClass

NOW = datetime(2026, 5, 4, 10, 0, 0, tzinfo=UTC)

OK = b'{"status":"ok"}'

DATE_LIKE = r"Mon, [0-9]{1,20} May [0-9]{1,20} [0-9]{1,20}:[0-9]{1,20}:[0-9]{1,20} [+-][0-9]{1,20}"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "detail"),
    [
        (200, {}, OK, "accepted", "accepted"),
        (204, {}, b"", "accepted", "accepted"),
        (202, {}, b"queued", "accepted", "accepted"),
        (200, {}, b'{"status":', "accepted", "accepted"),
        (200, {}, b"\xff\xfe", "accepted", "accepted"),
        (200, {}, b'{"status":["error"]}', "accepted", "accepted"),
        (200, {}, b"[" * 100_000, "ambiguous", "answer_garbled"),
        (200, {}, b'{"status":"error","message":"\xff"}', "rejected", "error_in_body"),
        (200, {}, b'\xef\xbb\xbf{"status":"error"}', "rejected", "error_in_body"),
        (200, {}, b'{"status":"error","n":' + b"9" * 5000 + b"}", "rejected", "error_in_body"),
        (200, {"Content-Type": "image/png"}, b'{"status":"error"}', "rejected", "error_in_body"),
        (200, {}, b'["error"]', "accepted", "accepted"),
        (200, {}, b'{"status":"error","message":"no such site"}', "rejected", "error_in_body"),
        (200, {}, b'{"status":"ERROR"}', "rejected", "error_in_body"),
        (200, {}, b'{"status":"\\u0065rror"}', "rejected", "error_in_body"),
        (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>", "setup", "web_page"),
        (301, {}, b"", "setup", "http_301"),
        (304, {}, b"", "setup", "http_304"),
        (401, {}, b"", "setup", "http_401"),
        (403, {}, b"", "setup", "http_403"),
        (407, {}, b"", "setup", "http_407"),
        (400, {}, OK, "rejected", "http_400"),
        (404, {}, b"", "rejected", "http_404"),
        (405, {}, b"", "rejected", "http_405"),
        (410, {}, b"", "rejected", "http_410"),
        (413, {}, b"", "rejected", "http_413"),
        (415, {}, b"", "rejected", "http_415"),
        (422, {}, b"", "rejected", "http_422"),
        (418, {}, b"", "rejected", "http_418"),
        (429, {}, b"", "throttled", "http_429"),
        (429, {"Retry-After": "7"}, b"", "throttled", "http_429"),
        (503, {"Retry-After": "7"}, b"", "throttled", "http_503"),
        (503, {"Retry-After": "soon"}, b"", "ambiguous", "http_503"),
        (503, {}, b"", "ambiguous", "http_503"),
        (408, {}, b"", "ambiguous", "http_408"),
        (425, {}, b"", "ambiguous", "http_425"),
        (500, {}, b"", "ambiguous", "http_500"),
        (599, {}, b"", "ambiguous", "http_599"),
        (100, {}, b"", "ambiguous", "http_100"),
    ],
)
def test_each_answer_has_its_class(
    status: int, headers: dict[str, str], body: bytes, expected: str, detail: str
) -> None:
    outcome = classify(status, headers, body, NOW)
    assert (outcome.outcome_class, outcome.detail, outcome.status) == (expected, detail, status)


@given(
    status=st.integers(0, 999),
    retry_after=st.none() | st.text() | st.from_regex(DATE_LIKE, fullmatch=True),
    content_type=st.text(),
    body=st.binary(),
)
def test_no_answer_escapes_the_table(
    status: int, retry_after: str | None, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    outcome = classify(status, headers, body, NOW)
    assert outcome.outcome_class in OutcomeClass
    assert outcome.retry_after_seconds is None or outcome.retry_after_seconds > 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Mon, 04 May 2026 10:01:30 GMT", 90.0),
        ("Mon, 04 May 2026 10:01:30", 90.0),
        ("Mon, 04 May 2026 12:01:30 +0200", 90.0),
        ("Mon, 04 May 2026 09:59:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Mon, 99 May 2026 10:01:30 GMT", None),
        ("Mon, 04 May 99999999999 10:01:30 GMT", None),
        ("Mon, 04 May 2026 10:01:99999999999 GMT", None),
        ("Mon, 04 May 2026 10:01:30 +99999999999999999999", None),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds
