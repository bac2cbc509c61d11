"""Puts Convertro's answers into outcome classes. Pure.

| class       | examples                                                        |
| ----------- | --------------------------------------------------------------- |
| accepted    | 2xx without an error in its body                                |
| rejected    | 400, 404, 405, 410, 413, 415, 422 and any other 4xx; 2xx whose  |
|             | body has the status "error"                                     |
| setup       | 401, 403, 407, any 3xx, TLS failure, a web page instead of an   |
|             | answer: the configuration is wrong, not the event               |
| throttled   | 429; 503 with Retry-After                                       |
| unsent      | name lookup, connection refused, connect timeout: certainly not |
|             | sent                                                            |
| ambiguous   | 408, 425, 5xx, read timeout, reset after the request was        |
|             | written: Convertro may have the call already                    |

`worker.transport.failures` does the same for exceptions.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from worker.destination.answer_text import text_of
from worker.outcomes import Outcome, OutcomeClass

#: Statuses 4xx that mean "later", not "never".
_AMBIGUOUS_4XX = frozenset({408, 425})
_SETUP_4XX = frozenset({401, 403, 407})


# It keeps integers as text, because Python refuses those of too many digits. Made once, because
# making a reader takes as long as using it.
_READER = json.JSONDecoder(parse_int=str)

#: Nearly every answer has fewer bytes than this, too few to be nested too deeply for the reader.
_SHORT_BYTES = 256


def classify(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome:
    """Put an HTTP answer into its class.

    Args:
        status: The HTTP status.
        headers: The answer's headers; looked up as `Retry-After` and `Content-Type`.
        body: The answer's body, as far as it was read.
        now: The time at which it arrived, for a `Retry-After` that is a date.
    """
    retry_after = parse_retry_after(headers.get("Retry-After"), now)
    has_retry_after = retry_after is not None
    outcome_class, detail = _class_of(status, headers, body, has_retry_after=has_retry_after)
    accepted = outcome_class is OutcomeClass.ACCEPTED
    return Outcome(
        outcome_class=outcome_class,
        status=status,
        detail=detail,
        said="" if accepted else text_of(headers, body),
        retry_after_seconds=retry_after,
    )


def _class_of(
    status: int, headers: Mapping[str, str], body: bytes, *, has_retry_after: bool
) -> tuple[OutcomeClass, str]:
    if 200 <= status < 300:
        return _class_of_2xx(headers, body)
    detail = f"http_{status}"
    if status == 429 or (status == 503 and has_retry_after):
        return OutcomeClass.THROTTLED, detail
    if 300 <= status < 400 or status in _SETUP_4XX:
        return OutcomeClass.SETUP, detail
    if 400 <= status < 500 and status not in _AMBIGUOUS_4XX:
        return OutcomeClass.REJECTED, detail
    return OutcomeClass.AMBIGUOUS, detail


def _class_of_2xx(headers: Mapping[str, str], body: bytes) -> tuple[OutcomeClass, str]:
    """Tell an acceptance from an error in the body, and from a web page of another server."""
    if headers.get("Content-Type", "").lower().startswith("text/html"):
        return OutcomeClass.SETUP, "web_page"
    try:
        says_error = _says_error(body)
    except RecursionError:
        return OutcomeClass.AMBIGUOUS, "answer_garbled"
    if says_error:
        return OutcomeClass.REJECTED, "error_in_body"
    return OutcomeClass.ACCEPTED, "accepted"


def _says_error(body: bytes) -> bool:
    """Whether a body is a JSON object whose `status` is "error".

    Raises:
        RecursionError: The body is JSON, but nested too deeply to be read.
    """
    if len(body) < _SHORT_BYTES and b"error" not in body.lower() and b"\\" not in body:
        return False  # it has neither the word nor an escape that could hide one of its letters
    try:
        answer = _READER.decode(body.decode("utf-8-sig", "replace"))
    except ValueError:
        return False
    said = answer.get("status") if isinstance(answer, dict) else None
    return isinstance(said, str) and said.lower() == "error"


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header, in seconds from now.

    It may have both forms of RFC 9110: seconds, or an HTTP date. A value that is past, zero or
    unreadable counts as absent.
    """
    if text is None:
        return None
    seconds = _seconds_of(text.strip(), now)
    return seconds if seconds is not None and seconds > 0 else None


def _seconds_of(text: str, now: datetime) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
