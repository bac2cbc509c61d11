"""Reads a track's `properties`. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from convertro.segment_event import id_of
from worker.destination.amounts import amount_of, is_provided
from worker.destination.fields import object_of
from worker.reasons import LIKELY_ORDER_ID_NAMES

#: Characters that are ignored when keys are compared.
_NOISE = re.compile(r"[^A-Za-z0-9.]+")

_CURRENCY = re.compile(r"[A-Za-z]{3}")

#: The keys of an order's id, folded; the first usable value counts.
ORDER_ID = ("id", "orderid")

#: The keys of the amount of a web event or an order; the first readable value counts.
TOTAL = ("total", "revenue")

#: The keys of the amount of any other mobile event.
REVENUE = ("revenue",)


def folded(key: str) -> str:
    """Write a key in its form for comparisons: `orderid` for `orderId`, `order_id`, `Order ID`."""
    if not (key.isascii() and key.isalnum()):  # true for few keys; the check is cheaper
        key = _NOISE.sub("", key)
    return key.lower()


#: Keys into which producers put an order's id by mistake; such an id is never sent.
LIKELY_ORDER_ID = tuple(map(folded, LIKELY_ORDER_ID_NAMES))


class Amount(msgspec.Struct, frozen=True):
    """The amount in an event's properties."""

    #: The amount; None if there is no readable one.
    value: float | None = None
    #: The folded key from which it was read.
    key: str | None = None
    #: The keys before that one whose values are not empty and are no amounts.
    unreadable: tuple[str, ...] = ()


class Properties:
    """The properties of one event, found by their folded keys.

    Of several keys that are equal when folded the first one counts, even if its value is null.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for key, value in object_of(event.get("properties")).items():
            self._values.setdefault(folded(key), value)

    def get(self, key: str) -> Any:
        """Get the value of a folded key; None without one."""
        return self._values.get(key)

    def order_id(self, keys: Sequence[str] = ORDER_ID) -> str | None:
        """Get the order's id as text; None if there is no usable one.

        Args:
            keys: The folded keys to try, in this order.
        """
        for key in keys:
            if identifier := id_of(self._values.get(key)):
                return identifier
        return None

    @property
    def currency(self) -> str | None:
        """The three-letter code of the amount's currency, in upper case; None without one."""
        value = self._values.get("currency")
        return value.upper() if isinstance(value, str) and _CURRENCY.fullmatch(value) else None

    @property
    def repeat(self) -> bool | None:
        """Whether the customer has ordered before; None unless `repeat` is true or false."""
        value = self._values.get("repeat")
        return value if isinstance(value, bool) else None

    def amount(self, keys: Sequence[str]) -> Amount:
        """Read the first readable amount.

        Args:
            keys: The folded keys to try, in this order.
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
