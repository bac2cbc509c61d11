"""The answers to requests. Pure."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import NamedTuple

import msgspec

from convertro.errors import InvalidEvent

#: The largest body after unpacking, in bytes: Segment's own bound.
MAX_BODY_BYTES = 500 * 1024

#: The most events in a batch: Segment's own bound.
MAX_EVENTS = 2500

#: The most refused events that an answer names.
_MAX_NAMED = 100

#: When to send again after a 503, in seconds.
_RETRY_AFTER = "2"

#: Fields that an answer, a metric or a log line may name; the names of all others are content.
_FIELDS = frozenset({"batch", "messageId", "type"})

JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """A response, without the headers that HTTP requires."""

    status: int
    body: bytes = b'{"success":true}'
    content_type: str = JSON
    headers: Mapping[str, str] = {}
    #: A stable name of the reason for a refusal, for logs.
    refusal: str | None = None


class Refused(Exception):  # noqa: N818  the name says what is so
    """The request is answered with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


TAKEN = Answer(200)
PREFLIGHT = Answer(204, b"")


def text(status: int, sentence: str) -> Answer:
    """Answer with a sentence, for people and probes."""
    return Answer(status, f"{sentence}\n".encode(), _TEXT)


def refusal(status: int, name: str, sentence: str, **headers: str) -> Answer:
    """Answer with an error in the form of Segment's API.

    Args:
        status: The HTTP status.
        name: A stable name of the reason.
        sentence: The message; it must not quote the request.
        headers: With underscores in place of hyphens.
    """
    body = msgspec.json.encode({"success": False, "message": sentence})
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Answer(status, body, headers=named, refusal=name)


NOT_FOUND = refusal(404, "not_found", "nothing is here")
NO_WEBHOOKS = refusal(404, "no_webhooks", "CONVERTRO_WEBHOOK_SECRET is not set")
UNKNOWN_KEY = refusal(401, "unknown_key", "the write key is missing or unknown")
BAD_SIGNATURE = refusal(401, "bad_signature", "the signature is missing or wrong")
NOT_JSON = refusal(400, "not_json", "the body is not JSON in UTF-8, or its encoding is broken")
BAD_REQUEST = refusal(400, "bad_request", "this is not HTTP as it is understood here")
TOO_LARGE = refusal(400, "too_large", f"the body is larger than {MAX_BODY_BYTES} bytes")
TOO_MANY = refusal(400, "too_many", f"the batch holds more than {MAX_EVENTS} events")
# Not 408, after which some of Segment's libraries drop the events.
TOO_SLOW = refusal(
    503,
    "too_slow",
    "the body did not come in time; send it again",
    Retry_After=_RETRY_AFTER,
    Connection="close",
)
UNAVAILABLE = refusal(
    503,
    "unavailable",
    "the journal is unavailable; send it again",
    Retry_After=_RETRY_AFTER,
)
FAILED = refusal(500, "failed", "something is wrong here; send it again")


def not_allowed(method: str) -> Answer:
    """Refuse any method but the path's own."""
    return refusal(405, "not_allowed", f"use {method}", Allow=f"{method}, OPTIONS")


def too_often(wait_seconds: float) -> Answer:
    """Refuse a write key that is used too often."""
    seconds = str(max(1, ceil(wait_seconds)))
    return refusal(429, "too_often", "too many requests with this key", Retry_After=seconds)


def field_of(error: InvalidEvent) -> str:
    """The field that an error is about; `event` for one whose name is content."""
    return error.field if error.field in _FIELDS else "event"


def taken(accepted: int, errors: Sequence[tuple[int, InvalidEvent]]) -> Answer:
    """Answer that every event that can be accepted is in the journal.

    Args:
        accepted: The number of those events.
        errors: The index and the fault of each event that cannot be accepted.
    """
    if not errors:
        return TAKEN
    named = [
        {"index": index, "field": field_of(error), "reason": error.reason}
        for index, error in errors[:_MAX_NAMED]
    ]
    success = accepted > 0
    body = {"success": success, "message": f"{len(errors)} events refused", "refused": named}
    return Answer(200 if success else 400, msgspec.json.encode(body))
