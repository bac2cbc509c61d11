"""From a request's events to rows for the journal. Pure, except for random ids."""

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

#: The most bytes of one request's events, counted after the fields that their batch shares were
#: copied into each: eight times the largest body. Without a bound a large `context` would be copied
#: thousands of times.
MAX_TOTAL_BYTES = 4 * 1024 * 1024


class Receipt(NamedTuple):
    """When and by which way a request came."""

    #: When it came, in UTC.
    at: datetime
    #: The type of events that do not name one.
    event_type: str | None = None
    #: Whether Segment sent it, and so has set the times of its events already.
    by_segment: bool = False


class Document(NamedTuple):
    """A body as it was read."""

    content: Any
    #: Writes one of its events, with the checks that reading has not made.
    encode: Callable[[Any], bytes] = encode


def read_document(body: bytes) -> Document:
    """Read a body.

    SDKs send some things that are not JSON: NaN, numbers out of range, halves of surrogate pairs.
    Reading takes them, and each event is checked on its own, so that one harms no other. Halves of
    surrogate pairs pass these checks. A byte order mark is ignored.

    Raises:
        ValueError: It is neither JSON nor any of these.
        RecursionError: It is nested too deeply to be read.
    """
    try:
        return Document(msgspec.json.decode(body), encode_read)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return Document(json.loads(body.decode("utf-8-sig")))


class Reception:
    """Turns the events of one request into rows for the journal.

    Args:
        receipt: When and by which way the request came.
        encode: Writes an event.
    """

    def __init__(self, receipt: Receipt, encode: Callable[[Any], bytes]) -> None:
        self._receipt = receipt
        self._encode = encode
        self._received_at = written(receipt.at)
        self._bytes_left = MAX_TOTAL_BYTES
        #: The batch of the event that was refused last, and how many bytes each of its events gets.
        self._batch: Mapping[str, Any] | None = None
        self._batch_bytes = 0

    def row_of(self, entry: Entry) -> Row:
        """An event's id, and its bytes with everything that the collector adds.

        Raises:
            InvalidEvent: The event can never be accepted.
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
                self._bytes_left -= self._bytes_from(entry.batch)  # they cost work all the same
            raise
        if message_id := message_id_of(event):
            return message_id, raw
        # The id is made from the item as it was sent, so that it is the same if the item is sent
        # again. The type may come from the path, which is the same then too.
        event["messageId"] = made_id({**entry.event, "type": event["type"]})
        return event["messageId"], self._encode(event)

    def _bytes_from(self, batch: Mapping[str, Any] | None) -> int:
        """How many bytes an event gets from its batch; at most those of the largest event.

        The event's own fields do not count, because the body holds them only once.
        """
        if batch is not self._batch:
            shared = [batch.get(field) for field in SHARED_FIELDS] if batch else []
            try:
                text = json.dumps(shared, ensure_ascii=False)
                self._batch_bytes = min(len(text.encode("utf-8", "surrogatepass")), MAX_EVENT_BYTES)
            except RecursionError:
                self._batch_bytes = MAX_EVENT_BYTES
            self._batch = batch
        return self._batch_bytes

    def _stamped(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event without the write key, and with its type and times."""
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
