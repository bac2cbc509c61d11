"""What a track says in its `properties`. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from convertro.segment_event import id_of
from worker.destination.amounts import amount_of, is_provided
from worker.destination.fields import object_of
from worker.reasons import LIKELY_ORDER_ID_NAMES

#: What does not count when keys are compared.
_NOISE = re.compile(r"[^A-Za-z0-9.]+")

_CURRENCY = re.compile(r"[A-Za-z]{3}")

#: Where an order's id is; the first that can be used.
ORDER_ID = ("id", "orderid")

#: Where the amount of a web event or of an order is; the first that can be read.
TOTAL = ("total", "revenue")

#: The same of any other mobile event.
REVENUE = ("revenue",)


def folded(key: str) -> str:
    """The form in which keys are compared: `orderId`, `order_id`, `Order ID` are one."""
    if not (key.isascii() and key.isalnum()):  # as few are: looking costs less than the pattern
        key = _NOISE.sub("", key)
    return key.lower()


#: Where an order's id is by mistake; it is never sent.
LIKELY_ORDER_ID = tuple(map(folded, LIKELY_ORDER_ID_NAMES))


class Amount(msgspec.Struct, frozen=True):
    """What an event's properties say about money."""

    #: The amount; None if there is none that can be read.
    value: float | None = None
    #: The key that it was read from, folded.
    key: str | None = None
    #: The keys looked at before that hold something, but no amount.
    unreadable: tuple[str, ...] = ()


class Properties:
    """The properties of one event, looked up whatever the spelling of their keys.

    Of several keys that are the same, the first one counts, even if it holds null.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for key, value in object_of(event.get("properties")).items():
            self._values.setdefault(folded(key), value)

    def get(self, key: str) -> Any:
        """What is there under a folded key; None if nothing is."""
        return self._values.get(key)

    def order_id(self, keys: Sequence[str] = ORDER_ID) -> str | None:
        """The order's id, as text and never reinterpreted.

        Args:
            keys: Where it may be, the best first.
        """
        for key in keys:
            if identifier := id_of(self._values.get(key)):
                return identifier
        return None

    @property
    def currency(self) -> str | None:
        """The code of the amount's currency, in upper case."""
        value = self._values.get("currency")
        return value.upper() if isinstance(value, str) and _CURRENCY.fullmatch(value) else None

    @property
    def repeat(self) -> bool | None:
        """Whether a known customer ordered; None if it is not said with true or false."""
        value = self._values.get("repeat")
        return value if isinstance(value, bool) else None

    def amount(self, keys: Sequence[str]) -> Amount:
        """The first amount that can be read.

        Args:
            keys: Where it may be, the best first.
        """
        unreadable: tuple[str, ...] = ()
        for key in keys:
            value = self._values.get(key)
            if is_provided(value):
                amount = amount_of(value)
                if amount is not None:
                    return Amount(amount, key, unreadable)
                unreadable = (*unreadable, key)
        return Amount(unreadable=unreadable)
