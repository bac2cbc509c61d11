"""Which events are a person's, and so erased. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The field in which an alias event names the person's earlier id, of either kind.
_PREVIOUS_ID = "previousId"


@dataclass(frozen=True, slots=True)
class Person:
    """A person's ids in Segment; None for an id that the operator did not give."""

    user_id: str | None = None
    anonymous_id: str | None = None

    def owns(self, raw: bytes) -> bool:
        """Whether a raw event is this person's.

        An event that is not a JSON object is theirs if it contains an id as a separate word.
        """
        try:
            event = json.loads(raw)
        except (ValueError, RecursionError):
            event = None
        return self._is_in(event) if isinstance(event, Mapping) else self._is_named(raw)

    def _is_in(self, event: Mapping[str, Any]) -> bool:
        previous = _texts(event.get(_PREVIOUS_ID))
        return any(
            wanted is not None and wanted in _texts(event.get(field)) | previous
            for field, wanted in (("userId", self.user_id), ("anonymousId", self.anonymous_id))
        )

    def _is_named(self, raw: bytes) -> bool:
        text = raw.decode(errors="replace")
        return any(
            re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text)
            for wanted in (self.user_id, self.anonymous_id)
            if wanted is not None
            for form in {
                wanted,
                json.dumps(wanted)[1:-1],
                json.dumps(wanted, ensure_ascii=False)[1:-1],
            }
        )


def _texts(value: Any) -> set[str]:
    """The spellings of an id: text as it is, a number in digits; nothing else is an id."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return set()
    if isinstance(value, float) and value.is_integer():
        return {repr(value), str(int(value))}
    return {str(value)}
