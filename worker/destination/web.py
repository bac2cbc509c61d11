"""Translates a website's events, as for Convertro's browser library. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from config.destination import ConvertroSettings
from worker.destination.calls import TrackEvent, TrackUser, Translation
from worker.destination.event_names import is_order_completed, mapped_types
from worker.destination.fields import object_of, user_id, visitor_id
from worker.destination.properties import LIKELY_ORDER_ID, TOTAL, Properties
from worker.reasons import DeathReason, Note, SkipReason

_SALE = "sale"
_NEW_SALE = "sale.new"
_REPEAT_SALE = "sale.repeat"


def identify(event: Mapping[str, Any], settings: ConvertroSettings) -> Translation:
    """Tell Convertro who a visitor is, with all traits as they are."""
    identifier = user_id(event)
    if identifier is None:
        return Translation(skipped=SkipReason.ANONYMOUS_IDENTIFY)
    call = TrackUser(
        domain=settings.domain,
        visitor_id=visitor_id(event),
        user_id=identifier,
        traits={**object_of(event.get("traits")), "id": identifier},
    )
    return Translation(calls=(call,))


def track(
    event: Mapping[str, Any], name: str, settings: ConvertroSettings, timestamp: str | None
) -> Translation:
    """Report a sale, or an event that the `events` setting maps.

    Args:
        event: The event.
        name: Its name.
        settings: The mapping, the attribution model and the domain.
        timestamp: When it happened, ISO 8601.
    """
    properties = Properties(event)
    rule = next(rule for rule in _RULES if rule.matches(name))
    event_id = rule.id(properties)
    if rule.without_id and event_id is None:
        is_likely = properties.order_id(LIKELY_ORDER_ID) is not None
        return Translation(
            skipped=rule.without_id, notes=(Note.LIKELY_ORDER_ID,) if is_likely else ()
        )
    types = rule.types(name, properties, settings)
    if not types:
        return Translation(skipped=SkipReason.UNMAPPED_EVENT)
    visitor, user = visitor_id(event), user_id(event)
    if visitor is None and user is None:  # a website's calls cannot name a device
        return Translation(invalid=DeathReason.NO_IDENTITY)
    amount = properties.amount(TOTAL)
    currency = None if amount.value is None else properties.currency
    calls = [
        TrackEvent(
            domain=settings.domain,
            visitor_id=visitor,
            user_id=user,
            event_type=event_type,
            event_id=event_id,
            event_value=amount.value,
            currency=currency,
            timestamp=timestamp,
        )
        for event_type in types
    ]
    return Translation(
        calls=tuple(calls), notes=(Note.UNREADABLE_AMOUNT,) if amount.unreadable else ()
    )


def _sale_types(_name: str, properties: Properties, settings: ConvertroSettings) -> tuple[str, ...]:
    """Give the types of an order: `sale.new` or `sale.repeat`, or `sale` if it does not say which.

    The hybrid model also reports `sale`, for accounts whose older sales all have this type.
    """
    if properties.repeat is None:
        return (_SALE,)
    specific = _REPEAT_SALE if properties.repeat else _NEW_SALE
    return (specific, _SALE) if settings.hybrid_attribution_model else (specific,)


def _mapped_types(
    name: str, _properties: Properties, settings: ConvertroSettings
) -> tuple[str, ...]:
    return mapped_types(name, settings.events)


class _Rule(NamedTuple):
    """How events of some names are reported."""

    #: Whether the rule is for events of a name.
    matches: Callable[[str], bool]
    #: Gives the Convertro types of an event; without any it is not reported.
    types: Callable[[str, Properties, ConvertroSettings], tuple[str, ...]]
    #: Gives the call's `event_id`.
    id: Callable[[Properties], str | None]
    #: Why an event without such an id is skipped; None if the id is optional.
    without_id: SkipReason | None = None


#: The first that matches counts.
_RULES = (
    _Rule(is_order_completed, _sale_types, Properties.order_id, SkipReason.MISSING_ORDER_ID),
    _Rule(lambda _name: True, _mapped_types, Properties.order_id),
)
