"""Why an event is skipped, dead, discarded or noted: the one list. Pure.

Scripts get it in their settings, `--reason` takes no other word, metrics show each from the start,
and tests hold the documentation to it. A reason that is not here cannot be written.
"""

from enum import StrEnum
from typing import Self


class SkipReason(StrEnum):
    """By which of Segment's rules there is nothing to send: counted, and gone."""

    #: The event's `integrations` switch Convertro off.
    DISABLED = "disabled"
    #: The person did not consent to a category that the settings require.
    NO_CONSENT = "no_consent"
    #: Neither an identify nor a track.
    UNSUPPORTED_TYPE = "unsupported_type"
    #: An identify without a userId.
    ANONYMOUS_IDENTIFY = "anonymous_identify"
    #: A web Order Completed without an order id.
    MISSING_ORDER_ID = "missing_order_id"
    #: A web track whose name the `events` setting does not have.
    UNMAPPED_EVENT = "unmapped_event"


class Fault(StrEnum):
    """Where the fault for a dead letter lies."""

    #: Its sender's: the event can never be delivered, however often it is sent back.
    SENDER = "sender"
    #: The event's, or of what happened to it alone.
    EVENT = "event"
    #: Perhaps with Convertro or with this program: many such burials hold the stream instead.
    ANYWHERE = "anywhere"


class DeathReason(StrEnum):
    """Why an event is a dead letter, and where the fault lies; a reason without that is refused."""

    fault: Fault

    def __new__(cls, value: str, fault: Fault) -> Self:
        """Make a member."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.fault = fault
        return reason

    #: No JSON object, a wrong `type` or `messageId`, or a track without a name.
    INVALID_EVENT = "invalid_event", Fault.SENDER
    #: No userId, no anonymousId, no device id.
    NO_IDENTITY = "no_identity", Fault.SENDER
    #: A call of the server-to-server interface without the device id that it needs.
    MISSING_DEVICE_ID = "missing_device_id", Fault.SENDER
    #: A mobile track whose amount cannot be read: any number sent for it would be invented money.
    UNREADABLE_AMOUNT = "unreadable_amount", Fault.SENDER
    #: Convertro said no.
    REJECTED = "rejected", Fault.ANYWHERE
    #: It was not accepted within the horizon.
    RETRIES_EXHAUSTED = "retries_exhausted", Fault.ANYWHERE
    #: It bears revenue, may have been delivered, and the settings say not to send it again.
    AMBIGUOUS = "ambiguous", Fault.EVENT
    #: Its worker died, or lost it, three times in a row.
    POISON = "poison", Fault.EVENT
    #: This program's own code failed over it.
    UNEXPECTED_ERROR = "unexpected_error", Fault.ANYWHERE


class Note(StrEnum):
    """What the producer of an event that was translated or skipped should correct: counted."""

    #: An order was skipped for lack of an id, though a likely one is there under another name.
    LIKELY_ORDER_ID = "likely_order_id"
    #: An amount that would have counted could not be read.
    UNREADABLE_AMOUNT = "unreadable_amount"


#: Where producers put an order's id by mistake: what `Note.LIKELY_ORDER_ID` looks for.
LIKELY_ORDER_ID_NAMES = ("transaction_id", "order_number", "checkout_id")


class DiscardReason(StrEnum):
    """Why an event left the journal without being delivered or skipped."""

    #: An operator let the dead letter go.
    OPERATOR = "operator"
    #: The dead letter was kept for as long as the settings say.
    DEAD_EXPIRED = "dead_expired"
    #: There were more dead letters than the settings allow.
    DEAD_OVERFLOW = "dead_overflow"
    #: The same of letters that could have been delivered and may bear revenue.
    DEAD_EXPIRED_REVENUE = "dead_expired_revenue"
    DEAD_OVERFLOW_REVENUE = "dead_overflow_revenue"
    #: An operator erased the person.
    ERASED = "erased"


#: Revenue that went by a bound: an error wherever it shows.
REVENUE_REMOVED = frozenset(
    {DiscardReason.DEAD_EXPIRED_REVENUE, DiscardReason.DEAD_OVERFLOW_REVENUE}
)
