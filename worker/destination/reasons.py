"""Why nothing is sent for an event. Pure.

A skip is a rule of the destination at work: counted and gone. An invalid event is something
that an operator should look at: it becomes a dead letter.
"""

from enum import StrEnum


class SkipReason(StrEnum):
    """By which rule there is nothing to send."""

    #: The event's `integrations` switch Convertro off.
    DISABLED = "disabled"
    #: Neither an identify nor a track.
    UNSUPPORTED_TYPE = "unsupported_type"
    #: An identify without a userId.
    ANONYMOUS_IDENTIFY = "anonymous_identify"
    #: A web Order Completed without an order id.
    MISSING_ORDER_ID = "missing_order_id"
    #: A web track whose name the `events` setting does not have.
    UNMAPPED_EVENT = "unmapped_event"


class InvalidReason(StrEnum):
    """What keeps an event from being translated."""

    #: No JSON object, a wrong `type` or `messageId`, or a track without a name.
    INVALID_EVENT = "invalid_event"
    #: Nobody to whom it belongs: no userId, no anonymousId, no device id.
    NO_IDENTITY = "no_identity"
    #: A call of the server-to-server interface without the device id that it needs.
    MISSING_DEVICE_ID = "missing_device_id"


#: Reasons for which a dead letter can never be delivered, however often it is sent back.
NEVER_DELIVERABLE = frozenset(InvalidReason)
