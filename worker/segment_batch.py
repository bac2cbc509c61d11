"""What a JSON document holds: an event, what Segment's libraries post, or a list of these. Pure.

Libraries post several events as one object, `{"batch": [...]}`, which says for all of them what
they have in common. Files of events and the collector are read by these rules.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from convertro.errors import InvalidEvent
from convertro.segment_event import MAX_NESTING, kind_of

#: What a batch may say for all of its items, to be merged into each.
SHARED_FIELDS = ("context", "integrations")


class Entry(NamedTuple):
    """One would-be event of a document."""

    #: Where in the document it is: `batch 1`, `event 2`.
    where: tuple[str, ...]
    #: What is there, as it came.
    event: Any = None
    #: The batch in which it came, if it came in one.
    batch: Mapping[str, Any] | None = None
    #: Why it cannot be taken.
    error: InvalidEvent | None = None

    def completed(self) -> Any:
        """The event with what its batch says for all of its events."""
        return self.event if self.batch is None else _completed(self.event, self.batch)


def entries_of(document: Any, *, path_type: str | None = None) -> Iterator[Entry]:
    """Go through the would-be events of a document, in order.

    Args:
        document: What a JSON reader made of it.
        path_type: The type of events that name none, if the path they were posted to says it.
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
    """Whether it is what libraries post; some name it `batch` in its `type` as well."""
    if not isinstance(document, dict):
        return False
    kind = document.get("type")
    return kind == "batch" or (kind is None and "batch" in document)


def _fault_of(event: Any, path_type: str | None) -> InvalidEvent | None:
    """What is wrong with an event because of how it was posted."""
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
    """Add what a batch says for all of its items.

    The batch's `context` and `integrations` are merged into the item at every level, so that
    an item which adds `context.device.type` keeps the batch's `context.device.id`; where both
    say something, the item wins. An item without `sentAt` gets the batch's. A field of the
    item that is null counts as lacking.
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
    """What two objects say together; of other values the own one wins."""
    mergeable = isinstance(shared, dict) and isinstance(own, dict)
    if not mergeable or level > MAX_NESTING:
        return own
    common = {key: _merged(shared[key], own[key], level + 1) for key in shared if key in own}
    return {**shared, **own, **common}
