"""The ids of a file's events that bring none: the same ones when the file is read again. Pure."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from convertro.segment_event import content_id, encode, message_id_of, says_when


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
        if message_id_of(event):
            return None
        digest = content_id(json.loads(encode(event)))
        if says_when(event):
            return digest
        self._equals[digest] += 1
        return f"{digest}-{self._equals[digest]}"
