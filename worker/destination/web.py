"""Events of a website: what Convertro's browser library would have been told. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.destination import ConvertroSettings
from worker.destination.calls import Call, TrackEvent, TrackUser
from worker.destination.event_names import is_order_completed, mapped_types
from worker.destination.fields import object_of, user_id, visitor_id
from worker.destination.properties import Properties
from worker.reasons import SkipReason

_SALE = "sale"
_NEW_SALE = "sale.new"
_REPEAT_SALE = "sale.repeat"


def identify(
    event: Mapping[str, Any], settings: ConvertroSettings
) -> tuple[Call, ...] | SkipReason:
    """Tell Convertro who a visitor is, with all traits as they are."""
    identifier = user_id(event)
    if identifier is None:
        return SkipReason.ANONYMOUS_IDENTIFY
    call = TrackUser(
        domain=settings.domain,
        visitor_id=visitor_id(event),
        user_id=identifier,
        traits={**object_of(event.get("traits")), "id": identifier},
    )
    return (call,)


def track(
    event: Mapping[str, Any], name: str, settings: ConvertroSettings, timestamp: str | None
) -> tuple[Call, ...] | SkipReason:
    """Report a sale, or an event that the `events` setting maps.

    Args:
        event: The event.
        name: Its name.
        settings: The mapping, the attribution model and the domain.
        timestamp: When it happened, ISO 8601.
    """
    properties = Properties(event)
    if not is_order_completed(name):
        types: Sequence[str] = mapped_types(name, settings.events)
        if not types:
            return SkipReason.UNMAPPED_EVENT
    elif properties.order_id is None:
        return SkipReason.MISSING_ORDER_ID
    else:
        types = _sale_types(repeat=properties.repeat, hybrid=settings.hybrid_attribution_model)
    return tuple(
        TrackEvent(
            domain=settings.domain,
            visitor_id=visitor_id(event),
            user_id=user_id(event),
            event_type=event_type,
            event_id=properties.order_id,
            event_value=properties.total,
            timestamp=timestamp,
        )
        for event_type in types
    )


def _sale_types(*, repeat: bool | None, hybrid: bool) -> tuple[str, ...]:
    """The types under which a sale is reported.

    Args:
        repeat: Whether the customer bought before; None if the order does not say.
        hybrid: Whether to report the plain type besides, for an account whose older sales
            were all reported that way.
    """
    if repeat is None:
        return (_SALE,)
    specific = _REPEAT_SALE if repeat else _NEW_SALE
    return (specific, _SALE) if hybrid else (specific,)
