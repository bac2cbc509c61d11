"""The journal's counters as Prometheus metrics. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import inf

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from worker.journal.breaker_state import Cause
from worker.journal.histogram import BOUNDS_MS
from worker.journal.records import Move
from worker.journal.snapshot import DELIVERED_IN, REQUEST_TOOK, Snapshot
from worker.outcomes import OutcomeClass
from worker.process.foreign_messages import Kind
from worker.reasons import DeathReason, DiscardReason, Note, SkipReason

#: A label value that is shown as it is. Any other value in the journal becomes `OTHER`, so that
#: the number of time series stays small.
_IDENTIFIER = re.compile(r"[a-z_]{1,40}")
OTHER = "other"


@dataclass(frozen=True, slots=True)
class _Counter:
    """How the exporter shows a counter of the journal."""

    #: The metric's name without `_total`.
    metric: str
    meaning: str
    #: The label whose values come after the colon in the counter's name.
    label: str | None = None
    #: Values of the label that are shown from the start, as 0.
    known: tuple[str, ...] = ()


#: The journal's counters by their names up to the colon.
COUNTERS = {
    "accepted": _Counter("convertro_events_accepted", "Events taken into the journal."),
    "duplicate": _Counter(
        "convertro_events_duplicate", "Events offered again: their id was known."
    ),
    "delivered": _Counter(
        "convertro_events_delivered", "Events all of whose calls Convertro accepted."
    ),
    "skipped": _Counter(
        "convertro_events_skipped",
        "Events that by a rule of the mapping need no call.",
        "reason",
        tuple(SkipReason),
    ),
    "noted": _Counter(
        "convertro_events_noted",
        "Events, delivered or skipped, whose sender should correct something.",
        "note",
        tuple(Note),
    ),
    "dead": _Counter(
        "convertro_events_dead",
        "Events that became dead letters; each time anew, if one is redriven.",
        "reason",
        tuple(DeathReason),
    ),
    "discarded": _Counter(
        "convertro_events_discarded",
        "Events removed undelivered; with _revenue, beyond a bound though they may bear revenue.",
        "reason",
        tuple(DiscardReason),
    ),
    "redriven": _Counter("convertro_events_redriven", "Dead letters sent back to be delivered."),
    "postponed": _Counter(
        "convertro_events_postponed", "Times that an event failed and waits for a retry."
    ),
    "held": _Counter(
        "convertro_events_held",
        "Times that an event came back without using up a retry, because deliveries are held.",
    ),
    "returned": _Counter(
        "convertro_events_returned", "Times that a stopping worker handed an event back."
    ),
    "attempts": _Counter(
        "convertro_attempts",
        "Requests to Convertro by the class of their outcome.",
        "outcome",
        tuple(OutcomeClass),
    ),
    "waits_ended": _Counter(
        "convertro_waits_ended",
        "Waits that were too long since Redis's clock was set back; the events are due.",
    ),
    "leases_lost": _Counter(
        "convertro_leases_lost",
        "Leases that ran out: the worker was killed, hung or cut off, and its calls may have been "
        "delivered.",
    ),
    "breaker_opened": _Counter(
        "convertro_breaker_opened", "Times that the breaker opened.", "cause", tuple(Cause)
    ),
    "wakeups": _Counter("convertro_wakeups", "Wake-ups that were sent to the queue."),
    "foreign": _Counter(
        "convertro_foreign_messages",
        "Messages in the queue that were no wake-ups and were dropped.",
        "kind",
        tuple(Kind),
    ),
    "stale": _Counter(
        "convertro_stale_finishes",
        "What workers reported about events after they had lost them.",
        "move",
        tuple(Move),
    ),
}

#: The metric's name and meaning, by the histogram's name in the journal.
DURATIONS = {
    DELIVERED_IN: ("convertro_delivery_seconds", "From acceptance to delivery."),
    REQUEST_TOOK: ("convertro_request_seconds", "How long one request to Convertro took."),
}


def bounded(text: str) -> str:
    """The value if it may be a label's, or `OTHER`."""
    return text if _IDENTIFIER.fullmatch(text) else OTHER


def counter_families(snapshot: Snapshot) -> Iterator[CounterMetricFamily]:
    """Every counter."""
    for name, counter in COUNTERS.items():
        if counter.label is None:
            total = snapshot.total(name)
            yield CounterMetricFamily(counter.metric, counter.meaning, value=total)
            continue
        family = CounterMetricFamily(counter.metric, counter.meaning, labels=[counter.label])
        for value, number in _by_label(snapshot.counters, name, counter.known).items():
            family.add_metric([value], number)
        yield family


def _by_label(counters: Mapping[str, int], name: str, known: Iterable[str]) -> dict[str, int]:
    numbers = {str(value): 0 for value in known}
    for counter, number in counters.items():
        kind, colon, value = counter.partition(":")
        if kind == name and colon:
            label = bounded(value)
            numbers[label] = numbers.get(label, 0) + number
    return numbers


def histogram_families(snapshot: Snapshot) -> Iterator[HistogramMetricFamily]:
    """How long things took, in seconds."""
    for name, (metric, meaning) in DURATIONS.items():
        histogram = snapshot.histograms[name]
        bounds = ("+Inf" if bound_ms == inf else str(bound_ms / 1000) for bound_ms in BOUNDS_MS)
        buckets = list(zip(bounds, accumulate(histogram.numbers), strict=True))
        yield HistogramMetricFamily(
            metric, meaning, buckets=buckets, sum_value=histogram.sum_ms / 1000
        )
