"""The journal's present state as Prometheus metrics. Pure."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily

from config.settings import Settings
from worker.exporter.counters import OTHER, bounded
from worker.journal.breaker_state import Cause
from worker.journal.snapshot import Snapshot

#: The most workers that are shown by name: those with the greatest age.
MOST_WORKERS = 50

#: Valid HTTP statuses.
_STATUSES = range(100, 600)

_Gauges = Iterator[GaugeMetricFamily]


def gauge_families(snapshot: Snapshot, settings: Settings) -> _Gauges:
    """Every gauge."""
    yield from _event_gauges(snapshot, settings)
    yield from _dead_letter_gauges(snapshot, settings)
    yield from _holding_gauges(snapshot)
    yield from _worker_gauges(snapshot)


def _event_gauges(snapshot: Snapshot, settings: Settings) -> _Gauges:
    yield _labelled(
        "convertro_journal_events",
        "Events in the journal now.",
        "state",
        {
            "due": snapshot.due_now,
            "claimed": snapshot.claimed,
            "waiting": snapshot.waiting,
            "dead": snapshot.dead,
        },
    )
    yield gauge(
        "convertro_oldest_due_age_seconds",
        "How long the first event in line has been due; 0 if nothing is.",
        snapshot.seconds_since(snapshot.first_due_ms) if snapshot.due_now else 0,
    )
    yield gauge(
        "convertro_tried_events",
        "Events that failed at least once and are not finished.",
        snapshot.tried,
    )
    if snapshot.first_tried_ms is not None:
        yield gauge(
            "convertro_horizon_first_timestamp_seconds",
            "When the first retries end, unix time; absent if nothing was tried.",
            snapshot.first_tried_ms / 1000 + settings.retry_horizon_seconds,
        )
    yield gauge(
        "convertro_remembered_ids",
        "Ids of finished events that are remembered for deduplication.",
        snapshot.remembered,
    )
    yield gauge(
        "convertro_remembered_window_seconds",
        "How long an id is remembered at least.",
        snapshot.dedupe_seconds,
    )
    yield gauge(
        "convertro_unaccounted_events",
        "Accepted events that are nowhere; anything but 0 is wrong (convertro audit).",
        snapshot.unaccounted,
    )


def _dead_letter_gauges(snapshot: Snapshot, settings: Settings) -> _Gauges:
    numbers: dict[tuple[str, str], int] = {}
    for (reason, status), number in snapshot.deaths.items():
        key = bounded(reason), _status(status)
        numbers[key] = numbers.get(key, 0) + number
    letters = GaugeMetricFamily(
        "convertro_dead_letters",
        "Dead letters now; status is that of the last answer, empty if there was none.",
        labels=["reason", "status"],
    )
    for labels, number in numbers.items():
        letters.add_metric(labels, number)
    yield letters
    yield gauge(
        "convertro_dead_letters_in_doubt",
        "Dead letters that may have been delivered all the same.",
        snapshot.dead_in_doubt,
    )
    yield gauge(
        "convertro_dead_letters_max",
        "The bound on their number, CONVERTRO_DEAD_MAX_COUNT.",
        settings.dead_max_count,
    )
    yield gauge(
        "convertro_dead_letters_bytes",
        "Bytes of the events and records of dead letters.",
        snapshot.dead_bytes,
    )
    yield gauge(
        "convertro_dead_letters_max_bytes",
        "The bound on their bytes, CONVERTRO_DEAD_MAX_BYTES.",
        settings.dead_max_bytes,
    )


def _status(status: int | None) -> str:
    if status is None:
        return ""
    return str(status) if status in _STATUSES else OTHER


def _holding_gauges(snapshot: Snapshot) -> _Gauges:
    breaker = snapshot.breaker
    yield _labelled(
        "convertro_breaker_open",
        "1 while the breaker holds deliveries for this cause.",
        "cause",
        {cause.value: int(breaker.cause is cause) for cause in Cause},
    )
    yield gauge(
        "convertro_breaker_open_seconds",
        "How long the breaker has been open; 0 while it is closed.",
        snapshot.seconds_since(breaker.since_ms) if breaker.cause else 0,
    )
    paused = snapshot.pause is not None
    yield gauge("convertro_paused", "1 while an operator holds deliveries.", paused)


def _worker_gauges(snapshot: Snapshot) -> _Gauges:
    alive, silent = snapshot.workers, snapshot.silent
    tasks = sum(worker.capacity for worker in alive)
    yield gauge("convertro_workers", "Workers that are alive.", len(alive))
    yield gauge(
        "convertro_workers_silent",
        "Workers that went silent instead of stopping and have not come back.",
        len(silent),
    )
    yield gauge(
        "convertro_workers_stuck",
        "Workers alive that do not ask for waiting work.",
        len(snapshot.stuck),
    )
    yield gauge(
        "convertro_worker_tasks", "Deliver tasks that all workers alive run at once.", tasks
    )
    yield _labelled(
        "convertro_worker_heartbeat_age_seconds",
        "Since a worker's last sign of life, silent ones too; by node name, the worst of each.",
        "worker",
        _worst((w.node, snapshot.seconds_since(w.ticked_ms)) for w in (*alive, *silent)),
    )
    yield _labelled(
        "convertro_worker_asked_age_seconds",
        "Since a worker last asked for work; no fault while nothing is due.",
        "worker",
        _worst(
            (w.node, snapshot.seconds_since(w.asked_ms))
            for w in (*alive, *silent)
            if w.asked_ms is not None
        ),
    )
    yield gauge(
        "convertro_wakeups_live", "Wake-ups in the queue or being worked on.", snapshot.wakeups
    )


def _worst(ages: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The greatest age of each name, for the `MOST_WORKERS` names with the greatest."""
    worst: dict[str, float] = {}
    for name, age in ages:
        worst[name] = max(age, worst.get(name, 0))
    ranked = sorted(worst.items(), key=lambda item: -item[1])
    return dict(ranked[:MOST_WORKERS])


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    """A metric of one number."""
    return GaugeMetricFamily(name, meaning, value=float(value))


def _labelled(
    name: str, meaning: str, label: str, values: dict[str, int] | dict[str, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
