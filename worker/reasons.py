"""All reasons why an event is skipped, dead, discarded or noted. Pure.

Scripts get them as constants and refuse others, `--reason` accepts no other word, metrics show each
from the start, and `make reference` writes their meanings into the documentation.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """A reason and its meaning; a member without a meaning is an error."""

    #: The meaning, in Markdown.
    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a member."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.meaning = meaning
        return reason


class SkipReason(Reason):
    """The rule by which nothing is sent for an event; it is counted and leaves the journal."""

    DISABLED = "disabled", "`integrations` switch Convertro off"
    NO_CONSENT = "no_consent", "a category of `CONVERTRO_CONSENT_CATEGORIES` lacks consent"
    UNSUPPORTED_TYPE = "unsupported_type", "neither an `identify` nor a `track`"
    ANONYMOUS_IDENTIFY = "anonymous_identify", "an `identify` without a `userId`"
    MISSING_ORDER_ID = "missing_order_id", "a web order without an order id"
    UNMAPPED_EVENT = "unmapped_event", "a web track whose name is not in `CONVERTRO_EVENTS`"


class Fault(StrEnum):
    """Where the fault for a dead letter lies."""

    #: With its sender: the event can never be delivered, however often it is redriven.
    SENDER = "sender"
    #: With the event, or with what happened to it alone.
    EVENT = "event"
    #: Perhaps with Convertro or with this program: many such burials open the breaker.
    ANYWHERE = "anywhere"


_REPAIR = "Redriving does not help: [repair](#repairing-events)."


class DeathReason(Reason):
    """Why an event is a dead letter, where the fault lies, and what to do about it."""

    fault: Fault
    #: What an operator should do about it, in Markdown for the runbook.
    remedy: str

    def __new__(cls, value: str, fault: Fault, meaning: str, remedy: str) -> Self:
        """Make a member."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.meaning = meaning
        reason.fault = fault
        reason.remedy = remedy
        return reason

    INVALID_EVENT = (
        "invalid_event",
        Fault.SENDER,
        "no JSON object, a wrong `type` or `messageId`, or a track whose name is empty or no text",
        f"Correct the sender. {_REPAIR}",
    )
    NO_IDENTITY = (
        "no_identity",
        Fault.SENDER,
        (
            "no usable `userId`, `anonymousId` or device id; a website's track needs one of the "
            "first two"
        ),
        f"Correct the sender. {_REPAIR}",
    )
    MISSING_DEVICE_ID = (
        "missing_device_id",
        Fault.SENDER,
        "a mobile or server event without a usable `context.device.id`",
        (
            "A website's event sent by a server: set its `channel` to `client`; an app's: set the "
            f"device id. {_REPAIR}"
        ),
    )
    UNREADABLE_AMOUNT = (
        "unreadable_amount",
        Fault.SENDER,
        (
            "a mobile or server event whose amount cannot be read; any number sent for it would be "
            "invented money"
        ),
        f"Let the sender send numbers. {_REPAIR}",
    )
    REJECTED = (
        "rejected",
        Fault.ANYWHERE,
        "Convertro rejected this event",
        (
            "404, 405, 410: [the address](#most-events-would-become-dead-letters). Else show the "
            "vendor what it would send; correct the setting and redrive, or the sender and discard."
        ),
    )
    RETRIES_EXHAUSTED = (
        "retries_exhausted",
        Fault.ANYWHERE,
        "Convertro did not accept it for 24 h (`CONVERTRO_RETRY_HORIZON_SECONDS`)",
        (
            "Redrive when Convertro works again. `delivered anyway? maybe`: see "
            "[duplicates](#duplicates-reported-by-the-vendor)."
        ),
    )
    AMBIGUOUS = (
        "ambiguous",
        Fault.EVENT,
        "bears revenue, Convertro may have it, and `CONVERTRO_ON_AMBIGUOUS=hold`",
        (
            "Ask the vendor for the order, `event_id` in `convertro dead show ID --reveal`; "
            "discard the event if they have it, else redrive."
        ),
    )
    POISON = (
        "poison",
        Fault.EVENT,
        "three workers in a row died while they had it, or lost it",
        (
            "See `Process … exited with …` in the log. If memory or their machine failed, redrive. "
            "Else examine an export outside production, report and discard it."
        ),
    )
    UNEXPECTED_ERROR = (
        "unexpected_error",
        Fault.ANYWHERE,
        "this program's own code failed over it",
        "Report what `delivery_failed` in the log names in `where`; change the version, redrive.",
    )


#: Properties into which producers put an order's id by mistake, for `Note.LIKELY_ORDER_ID`.
LIKELY_ORDER_ID_NAMES = ("transaction_id", "order_number", "checkout_id")


class Note(Reason):
    """What the producer of a delivered or skipped event should correct; counted."""

    LIKELY_ORDER_ID = (
        "likely_order_id",
        "skipped as `missing_order_id` with a usable id in one of "
        + ", ".join(f"`{name}`" for name in LIKELY_ORDER_ID_NAMES),
    )
    UNREADABLE_AMOUNT = (
        "unreadable_amount",
        "sent, though a `total` or `revenue` that would have counted is unreadable",
    )


class DiscardReason(Reason):
    """Why an event left the journal without being delivered or skipped."""

    OPERATOR = "operator", "an operator discarded the dead letter"
    DEAD_EXPIRED = "dead_expired", "it was dead for `CONVERTRO_DEAD_MAX_AGE_SECONDS`"
    DEAD_OVERFLOW = (
        "dead_overflow",
        "dead letters exceeded `CONVERTRO_DEAD_MAX_COUNT` or `CONVERTRO_DEAD_MAX_BYTES`",
    )
    DEAD_EXPIRED_REVENUE = (
        "dead_expired_revenue",
        "`dead_expired`, could have been delivered and may bear revenue",
    )
    DEAD_OVERFLOW_REVENUE = (
        "dead_overflow_revenue",
        "`dead_overflow`, could have been delivered and may bear revenue",
    )
    ERASED = "erased", "an operator erased the person (`convertro erase`)"


#: Removals of dead letters that may bear revenue; shown as errors everywhere.
REVENUE_REMOVED = frozenset(
    {DiscardReason.DEAD_EXPIRED_REVENUE, DiscardReason.DEAD_OVERFLOW_REVENUE}
)
