"""The `action` of each log line, in the order of docs/logging.md. Pure.

A line is a sentence for people plus one of these words, whose meaning never changes. `make
reference` writes the page's table from them.
"""

import logging
from enum import StrEnum
from typing import Self

_LEVELS = logging.getLevelNamesMapping()


class LogAction(StrEnum):
    """The word for machines in a log line; a member without a meaning is an error."""

    #: The levels at which it is logged, the usual one first.
    levels: tuple[str, ...]
    #: The usual level as a number of `logging`.
    level: int
    #: What it tells an operator, in Markdown.
    meaning: str
    #: The fields of its lines.
    fields: tuple[str, ...]
    #: What an operator should do about it, in Markdown; empty for nothing.
    remedy: str

    def __new__(
        cls, value: str, levels: str, meaning: str, fields: str = "", remedy: str = ""
    ) -> Self:
        """Make a member; levels and fields are words separated by blanks."""
        action = str.__new__(cls, value)
        action._value_ = value
        action.levels = tuple(levels.split())
        action.level = _LEVELS[action.levels[0]]
        action.meaning = meaning
        action.fields = tuple(fields.split())
        action.remedy = remedy
        return action

    BREAKER_OPENED = (
        "breaker_opened",
        "WARNING ERROR",
        "Deliveries are [held](delivery.md#holding). ERROR for `setup` and `burials`.",
        "cause detail",
        "[Deliveries are held](operations.md#deliveries-are-held), by `cause`.",
    )
    JOURNAL_OUTAGE = (
        "journal_outage",
        "ERROR",
        "The journal has been unavailable for 30 s.",
        "reason seconds",
        "[Bring Redis back](operations.md#redis-is-down).",
    )
    BROKER_OUTAGE = (
        "broker_outage",
        "ERROR",
        "The same for the broker; the only ERROR if it is the journal's Redis.",
        "reason seconds",
        "The same.",
    )
    PREFLIGHT_ERROR = (
        "preflight_error",
        "ERROR",
        "The worker does not start.",
        "check",
        "As the sentence says; see [`convertro preflight`](cli.md#convertro-preflight).",
    )
    WORKER_NOT_READY = (
        "worker_not_ready",
        "ERROR",
        "The broker did not let the worker in within a minute; the worker stops.",
        "",
        "As the sentence says.",
    )
    PREFLIGHT_FAILED = (
        "preflight_failed",
        "ERROR",
        "The preflight's own code failed; the worker does not start.",
        "exception",
        "Report it.",
    )
    WORKER_DISAGREES = (
        "worker_disagrees",
        "ERROR",
        "A running worker has another dedupe window, queue or journal format; this one stops.",
        "",
        "[Make them equal](compatibility.md#what-all-workers-must-agree-on).",
    )
    BROKER_REFUSES = (
        "broker_refuses",
        "ERROR",
        "The broker denies the worker a right that it needs; the worker stops.",
        "",
        "Grant the [rights](redis.md#least-rights).",
    )
    DEAD_LETTERS_REMOVED = (
        "dead_letters_removed",
        "WARNING ERROR",
        (
            "Dead letters beyond a [bound](delivery.md#dead-letters) were removed. ERROR if they "
            "could have been delivered and may bear revenue."
        ),
        "reason number ids",
        "[Removed for good](operations.md#dead-letters-removed-for-good).",
    )
    COLLECTOR_FAILED = (
        "collector_failed",
        "ERROR",
        "The [collector](collector.md) answered 500: its own code is wrong.",
        "error",
        "Report it.",
    )
    COLLECTOR_PROCESS_ENDED = (
        "collector_process_ended",
        "ERROR",
        "One of several processes of `convertro collector` ended, and is replaced.",
        "exit_code",
        "Look for what killed it, memory perhaps.",
    )
    JOURNAL_UNAVAILABLE = (
        "journal_unavailable",
        "WARNING",
        "The journal cannot be reached, hangs, or refuses.",
        "reason",
        "Nothing, unless it lasts.",
    )
    BROKER_UNAVAILABLE = (
        "broker_unavailable",
        "WARNING",
        "The same of the broker; tried again every 4 s or sooner.",
        "reason",
        "The same.",
    )
    EVENT_DEAD = (
        "event_dead",
        "WARNING",
        "An event is a [dead letter](delivery.md#dead-letters).",
        "event_id reason outcome",
        "`convertro dead show ID`.",
    )
    DELIVERY_FAILED = (
        "delivery_failed",
        "WARNING",
        "Our code failed on an event, now the dead letter `unexpected_error`.",
        "event_id error where",
        "Report `where`; upgrade, then redrive.",
    )
    THREAD_FAILED = (
        "thread_failed",
        "WARNING",
        "A deliver thread failed on an event, which comes back when its lease ends.",
        "event_id error",
        "`MemoryError`: give the worker more memory.",
    )
    LEASE_LOST = (
        "lease_lost",
        "WARNING",
        (
            "An event outlived its lease, and another worker has it: it may be "
            "[sent twice](delivery.md#did-convertro-get-it)."
        ),
        "event_id",
        "If there are many: the machine stalls, or its clock jumps.",
    )
    EVENTS_ABANDONED = (
        "events_abandoned",
        "WARNING",
        "Calls did not end within their lease; their events are tried again.",
        "events",
        "The same.",
    )
    FINISHES_LOST = (
        "finishes_lost",
        "WARNING",
        "A worker stopped without the journal: these events are sent again.",
        "events",
        "Nothing.",
    )
    CLOCKS_DIFFER = (
        "clocks_differ",
        "WARNING",
        "This machine's clock is over 3 s off Redis's: times of attempts and log are wrong.",
        "ahead_seconds",
        "Set both clocks by NTP.",
    )
    WAITS_ENDED = (
        "waits_ended",
        "WARNING",
        "Redis's clock was set back; events due impossibly late are due now.",
        "events",
        "Set Redis's clock by NTP.",
    )
    PREFLIGHT_WARNING = (
        "preflight_warning",
        "WARNING",
        "Something that will go wrong later.",
        "check",
        "As the sentence says.",
    )
    PREFLIGHT_WAITS = (
        "preflight_waits",
        "WARNING",
        "A starting worker waits for Redis, at most a minute.",
        "address reason at_most_seconds",
        "Nothing, unless `preflight_error` follows.",
    )
    WAKEUP_NOT_PUBLISHED = (
        "wakeup_not_published",
        "WARNING",
        "The broker takes no message; tickers try again. Logged once until it takes one.",
        "error",
        "Nothing: events leave a second later.",
    )
    WAKEUP_NOT_SAMPLED = (
        "wakeup_not_sampled",
        "WARNING",
        ("Unknown whether the broker is the journal's Redis; tickers publish instead of clients."),
        "error",
        "The same.",
    )
    FOREIGN_MESSAGE_DROPPED = (
        "foreign_message_dropped",
        "WARNING",
        (
            "[Foreign messages](operations.md#foreign-messages-in-the-queue) were dropped. At most "
            "once a minute for each kind."
        ),
        "kind messages",
        "Give each application its own `CONVERTRO_QUEUE` or broker database.",
    )
    COLLECTOR_REFUSED = (
        "collector_refused",
        "WARNING",
        (
            "The [collector](collector.md) refused requests or events. At most once a minute for "
            "each kind and process: `unknown_key`, `not_json`, `too_large`, `too_many`, "
            "`too_often`, `too_slow`, `bad_signature`, `no_webhooks`, `not_found`, `not_allowed`, "
            "`unavailable`, or `event:` and the field that is wrong."
        ),
        "kind number",
        "[Correct the sender](operations.md#the-collector-refuses).",
    )
    BURIALS_NOT_ANNOUNCED = (
        "burials_not_announced",
        "WARNING",
        "The broker did not take news of dead letters, so Flower lacks them.",
        "error",
        "Use `convertro dead list`.",
    )
    BREAKER_CLOSED = "breaker_closed", "INFO", "Deliveries go on.", "cause held_ms"
    JOURNAL_BACK = "journal_back", "INFO", "The journal is back.", "seconds"
    BROKER_BACK = "broker_back", "INFO", "The broker is back.", "seconds"
    EVENT_POSTPONED = (
        "event_postponed",
        "INFO",
        "An event is tried again later.",
        "event_id outcome delay_ms",
    )
    EVENT_GONE = (
        "event_gone",
        "INFO",
        "Another worker finished an event that this one had, or it was erased.",
        "event_id",
    )
    WORKER_STOPPING = "worker_stopping", "INFO", "The worker was asked to stop."
    WORKER_STOPPED = "worker_stopped", "INFO", "It has handed back what it held."
    TERMINAL_CLOSED = (
        "terminal_closed",
        "INFO",
        "The terminal was closed: the worker stops as on SIGTERM.",
    )
    HANGUP_IGNORED = (
        "hangup_ignored",
        "INFO",
        "SIGHUP came, which does nothing.",
        "",
        "For new settings restart the worker.",
    )
    EVENT_HELD = "event_held", "DEBUG", "An event waits because deliveries are held.", "event_id"
    EVENT_DELIVERED = "event_delivered", "DEBUG", "Convertro has accepted an event.", "event_id"
    EVENT_SKIPPED = (
        "event_skipped",
        "DEBUG",
        "Nothing is to be sent for an event ([why](mapping.md#why-nothing-was-sent)).",
        "event_id reason",
    )
    EVENT_RETURNED = (
        "event_returned",
        "DEBUG",
        "A stopping worker handed an event back.",
        "event_id",
    )
