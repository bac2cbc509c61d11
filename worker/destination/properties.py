"""What a track says in its `properties`. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from worker.destination.amounts import amount_of
from worker.destination.fields import is_number, object_of, text_of

#: What does not count when keys are compared.
_NOISE = re.compile(r"[^A-Za-z0-9.]+")


def _folded(key: str) -> str:
    """The form in which keys are compared: `orderId`, `order_id`, `Order ID` are one."""
    return _NOISE.sub("", key).lower()


class Properties:
    """The properties of one event, looked up whatever the spelling of their keys.

    Of several keys that are the same, the first one counts, even if it holds null.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for key, value in object_of(event.get("properties")).items():
            self._values.setdefault(_folded(key), value)

    @property
    def order_id(self) -> str | None:
        """The order's id, never reinterpreted; a number as its JSON text."""
        for key in ("id", "orderid"):
            value = self._values.get(key)
            if is_number(value):
                return json.dumps(value)
            if text := text_of(value):
                return text
        return None

    @property
    def repeat(self) -> bool | None:
        """Whether a known customer ordered; None if it is not said with true or false."""
        value = self._values.get("repeat")
        return value if isinstance(value, bool) else None

    @property
    def total(self) -> float | None:
        """The order's amount: `total`, or `revenue` where `total` holds none."""
        total = amount_of(self._values.get("total"))
        return self.revenue if total is None else total

    @property
    def revenue(self) -> float | None:
        """The amount in `revenue`."""
        return amount_of(self._values.get("revenue"))
