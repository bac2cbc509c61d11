"""Segment's batch: many events in one document, with what holds for all of them. Pure."""

from collections.abc import Mapping
from typing import Any

from convertro.segment_event import MAX_NESTING, InvalidEvent, kind_of


def expand_batch(batch: Mapping[str, Any]) -> list[Any]:
    """Take Segment's batch apart: its items, each with what the batch says for all of them.

    The batch's `context` and `integrations` are merged into each item at every level, so that
    an item which adds `context.device.type` keeps the batch's `context.device.id`; where both
    say something, the item wins. An item without `sentAt` gets the batch's. A field of the
    item that is null counts as lacking. Items that are not objects stay as they are, so that
    they can be reported by their index.

    Raises:
        InvalidEvent: `batch` is not a list.
    """
    items = batch.get("batch")
    if not isinstance(items, list | tuple):
        raise InvalidEvent("batch", f"must be a list of events, not {kind_of(items)}")
    return [_completed(item, batch) if isinstance(item, Mapping) else item for item in items]


def _completed(item: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
    completed = dict(item)
    for field in ("context", "integrations"):
        if isinstance(shared := batch.get(field), Mapping):
            own = completed.get(field)
            completed[field] = shared if own is None else _merged(shared, own)
    if completed.get("sentAt") is None and batch.get("sentAt") is not None:
        completed["sentAt"] = batch["sentAt"]
    return completed


def _merged(shared: Any, own: Any, level: int = 1) -> Any:
    """What two objects say together; of other values the own one wins."""
    mergeable = isinstance(shared, Mapping) and isinstance(own, Mapping)
    if not mergeable or level > MAX_NESTING:
        return own
    common = {key: _merged(shared[key], own[key], level + 1) for key in shared if key in own}
    return {**shared, **own, **common}
