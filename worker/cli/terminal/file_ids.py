"""Makes ids for a file's events without one, the same whenever the file is read. Pure."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from convertro.segment_event import content_id, encode, message_id_of, says_when


class FileIds:
    """Makes the ids of one file's events, in their order.

    An event with a time gets a digest of its content, so that equal ones count as one. Equal events
    without a time count as several, so the digest is followed by a number among equal ones. Memory
    grows with the number of different events without a time.
    """

    def __init__(self) -> None:
        self._equals: Counter[str] = Counter()

    def made_for(self, event: Mapping[str, Any]) -> str | None:
        """Make the id of an event as it stands in the file; None if it has one.

        Raises:
            InvalidEvent: It is not an event.
        """
        if message_id_of(event):
            return None
        digest = content_id(json.loads(encode(event)))
        if says_when(event):
            return digest
        self._equals[digest] += 1
        return f"{digest}-{self._equals[digest]}"
