"""The ids of a file's events that bring none: the same ones when the file is read again. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from convertro.segment_event import encode, event_id, id_of

_OWN_TIMES = ("timestamp", "originalTimestamp")


class FileIds:
    """Gives the events of one file their ids, in their order.

    An event that says when it happened has a digest of its content, so that equal ones are one.
    Of those that do not, equal ones are several: their number among their equals goes into their
    ids. Memory grows with the number of different ones.
    """

    def __init__(self) -> None:
        self._equals: Counter[str] = Counter()

    def made_for(self, event: Mapping[str, Any]) -> str | None:
        """The id of an event, as it came, that brings none; None if it brings one.

        Raises:
            InvalidEvent: It is no event.
        """
        if id_of(event.get("messageId")):
            return None
        if any(id_of(event.get(field)) for field in _OWN_TIMES):
            return event_id(event, encode(event))
        # With a time, whatever it is, the id is a digest.
        timed = {**event, "timestamp": "unknown"}
        digest = event_id(timed, encode(timed))
        self._equals[digest] += 1
        return f"{digest}-{self._equals[digest]}"
