"""Reads a JSON document of an event, a batch of Segment's libraries, or a list of these. Pure.

A batch is one object for several events, `{"batch": [...]}`, with the fields that they share. These
rules serve files of events and the collector.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from convertro.errors import InvalidEvent
from convertro.segment_event import MAX_NESTING, kind_of

#: Fields of a batch that are merged into each of its events.
SHARED_FIELDS = ("context", "integrations")


class Entry(NamedTuple):
    """One event of a document, which may be invalid."""

    #: Its place in the document: `batch 1`, `event 2`.
    where: tuple[str, ...]
    #: The event as it came.
    event: Any = None
    #: The batch in which it came; None without one.
    batch: Mapping[str, Any] | None = None
    #: Why it cannot be accepted; None if nothing is wrong so far.
    error: InvalidEvent | None = None

    def completed(self) -> Any:
        """Add the fields that the event shares with the others of its batch."""
        return self.event if self.batch is None else _completed(self.event, self.batch)


def entries_of(document: Any, *, path_type: str | None = None) -> Iterator[Entry]:
    """List the events of a document, in order.

    Args:
        document: The document, read from JSON.
        path_type: The type of events that have none, if the path they were posted to names it.
    """
    if not isinstance(document, list):
        yield from _entries_of_one(document, (), path_type)
        return
    for number, one in enumerate(document, start=1):
        kind = "batch" if _is_batch(one) else "event"
        yield from _entries_of_one(one, (f"{kind} {number}",), path_type)


def _entries_of_one(
    document: Any, where: tuple[str, ...], path_type: str | None
) -> Iterator[Entry]:
    if not _is_batch(document):
        yield Entry(where, document, error=_fault_of(document, path_type))
        return
    items = document.get("batch")
    if not isinstance(items, list):
        fault = InvalidEvent("batch", f"must be a list of events, not {kind_of(items)}")
        yield Entry(where, error=fault)
        return
    for number, item in enumerate(items, start=1):
        yield Entry((*where, f"event {number}"), item, document, _fault_of(item, path_type))


def _is_batch(document: Any) -> bool:
    """Whether an object is a batch; some libraries also give it the `type` `batch`."""
    if not isinstance(document, dict):
        return False
    kind = document.get("type")
    return kind == "batch" or (kind is None and "batch" in document)


def _fault_of(event: Any, path_type: str | None) -> InvalidEvent | None:
    """Say what is wrong with an event because of how it was posted; None if nothing is."""
    if _is_batch(event):
        return InvalidEvent("batch", "is inside another batch, where only events may be")
    if path_type is None and isinstance(event, dict) and "type" not in event:
        return InvalidEvent(
            "type",
            "is missing; it is said by the path the event was posted to, such as /v1/track, "
            "and has to be added",
        )
    return None


def _completed(item: Mapping[str, Any], batch: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a batch's shared fields to one of its items.

    The batch's `context` and `integrations` are merged into the item at every level, so that an
    item which adds `context.device.type` keeps the batch's `context.device.id`. If both have a
    value, the item's counts. An item without `sentAt` gets the batch's. A field of the item that
    is null counts as missing.
    """
    completed = dict(item)
    for field in SHARED_FIELDS:
        if isinstance(shared := batch.get(field), dict):
            own = completed.get(field)
            completed[field] = shared if own is None else _merged(shared, own)
    if completed.get("sentAt") is None and batch.get("sentAt") is not None:
        completed["sentAt"] = batch["sentAt"]
    return completed


def _merged(shared: Any, own: Any, level: int = 1) -> Any:
    """Merge two objects; of two other values the item's own counts."""
    mergeable = isinstance(shared, dict) and isinstance(own, dict)
    if not mergeable or level > MAX_NESTING:
        return own
    common = {key: _merged(shared[key], own[key], level + 1) for key in shared if key in own}
    return {**shared, **own, **common}
