"""The text that is kept of an answer: one line, printable, bounded."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.destination.answer_text import MAX_CHARACTERS, text_of
from worker.destination.answers import classify

NOW = datetime(2026, 5, 4, tzinfo=UTC)
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status": "error", "message": "event_value is no number"}', "event_value is no number"),
        (b'{"error": {"code": 7, "message": "unknown site"}}', "unknown site"),
        (b'{"errors": [{"detail": "no user"}, {"detail": "no device"}]}', "no user"),
        (b'{"error": true, "code": 12}', '{"error": true, "code": 12}'),
        (b'["too late"]', "too late"),
        (b"Bad  Request\r\n\tid\x1b[31m", "Bad Request id [31m"),
        (b'{"message": "half \\ud800 a pair"}', "half a pair"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"", ""),
        (b"[" * 100_000, "[" * MAX_CHARACTERS),
    ],
)
def test_the_message_is_kept_or_the_body(body: bytes, said: str) -> None:
    assert text_of({}, body) == said


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            b"<html><style>p {}</style><title>Sign in</title>\n<p>Please sign in.",
            "Sign in Please sign in.",
        ),
        (b"<p>No.<script>var never = 'closed'", "No."),
        (b"1 < 2 <b>items</b>", "1 < 2 items"),
        # To look for the end from each beginning would take seconds.
        (b"<" * 65_536, "<" * MAX_CHARACTERS),
        (b"<script " * 8_192, ""),
    ],
)
def test_of_a_web_page_the_text_is_kept(page: bytes, said: str) -> None:
    assert text_of(HTML, page) == said


@given(body=st.binary() | st.text().map(lambda text: json.dumps({"message": text}).encode()))
def test_whatever_is_kept_is_short_printable_and_utf_8(body: bytes) -> None:
    said = text_of({}, body)
    assert len(said) <= MAX_CHARACTERS
    assert said.isprintable()
    assert said.encode().decode() == said


def test_an_acceptance_says_nothing_worth_keeping() -> None:
    assert classify(200, {}, b'{"message": "thanks, ada"}', NOW).said == ""
    refused = classify(400, {}, b'{"message": "no, ada"}', NOW)
    assert refused.said == "no, ada"
    assert "ada" not in repr(refused)
