"""What becomes of an event between the request and the journal. Pure, but for random ids."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from convertro.errors import InvalidEvent
from convertro.intake import Row
from convertro.segment_event import (
    MAX_EVENT_BYTES,
    encode,
    encode_read,
    made_id,
    message_id_of,
)
from worker.collector.timestamps import corrected, written
from worker.segment_batch import SHARED_FIELDS, Entry

#: Bytes that the events of one request may come to once each holds what its batch says for all:
#: eight times the body, or a large `context` would be multiplied by thousands of items.
MAX_TOTAL_BYTES = 4 * 1024 * 1024


class Receipt(NamedTuple):
    """How a request came."""

    #: When, in UTC.
    at: datetime
    #: The type of events that name none.
    event_type: str | None = None
    #: Whether it came through Segment, which has stamped its events already.
    by_segment: bool = False


class Document(NamedTuple):
    """What a body says."""

    content: Any
    #: Writes an event of it, with the checks that the reader left.
    encode: Callable[[Any], bytes] = encode


def read_document(body: bytes) -> Document:
    """Read a body.

    What is no JSON, but what SDKs send for it, is left to the checks of each event, so that it
    harms no other: NaN, numbers out of range, and halves of surrogate pairs, which are fine. So
    is a byte order mark.

    Raises:
        ValueError: It is neither.
        RecursionError: It is nested without end.
    """
    try:
        return Document(msgspec.json.decode(body), encode_read)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return Document(json.loads(body.decode("utf-8-sig")))


class Reception:
    """Makes rows for the journal of the events of one request.

    Args:
        receipt: How it came.
        encode: Writes an event.
    """

    def __init__(self, receipt: Receipt, encode: Callable[[Any], bytes]) -> None:
        self._receipt = receipt
        self._encode = encode
        self._received_at = written(receipt.at)
        self._bytes_left = MAX_TOTAL_BYTES
        #: A batch, and how much of it each of its events gets.
        self._shared: tuple[Mapping[str, Any] | None, int] = (None, 0)

    def row_of(self, entry: Entry) -> Row:
        """An event's id, and its bytes with all that is added.

        Raises:
            InvalidEvent: It can never be accepted.
        """
        if entry.error:
            raise entry.error
        if self._bytes_left <= 0:
            raise InvalidEvent(
                "batch",
                f"comes to more than {MAX_TOTAL_BYTES} bytes with its context in each event",
            )
        row = self._bounded_row_of(entry)
        self._bytes_left -= len(row[1])
        return row

    def _bounded_row_of(self, entry: Entry) -> Row:
        is_object = isinstance(entry.event, dict)
        event = self._stamped(entry.completed()) if is_object else entry.event
        try:
            raw = self._encode(event)
        except InvalidEvent:
            if is_object:
                self._bytes_left -= self._shared_bytes(entry.batch)  # looked at in vain
            raise
        if message_id := message_id_of(event):
            return message_id, raw
        # From the item as it came, so that it is the same when it comes again. The path, which
        # may say its type, came with it.
        event["messageId"] = made_id({**entry.event, "type": event["type"]})
        return event["messageId"], self._encode(event)

    def _shared_bytes(self, batch: Mapping[str, Any] | None) -> int:
        """What an event gets from its batch, so far as it is looked at.

        What it brings itself is in the body but once.
        """
        if batch is not self._shared[0]:
            shared = [batch.get(field) for field in SHARED_FIELDS] if batch else []
            try:
                size = len(json.dumps(shared, ensure_ascii=False))
            except RecursionError:
                size = MAX_EVENT_BYTES
            self._shared = batch, min(size, MAX_EVENT_BYTES)
        return self._shared[1]

    def _stamped(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event without the write key, and with its type and times."""
        stamped = {**event}
        stamped.pop("writeKey", None)
        if stamped.get("type") is None and self._receipt.event_type is not None:
            stamped["type"] = self._receipt.event_type
        if self._receipt.by_segment:
            stamped.setdefault("receivedAt", self._received_at)
            return stamped
        stamped["receivedAt"] = self._received_at
        happened = stamped.get("originalTimestamp") or stamped.get("timestamp")
        if moment := corrected(happened, stamped.get("sentAt"), self._receipt.at):
            stamped["originalTimestamp"], stamped["timestamp"] = happened, moment
        return stamped
