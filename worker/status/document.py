"""What `convertro status --json` prints. Pure."""

from typing import Any

from worker.journal.snapshot import DELIVERED_IN, REQUEST_TOOK, SeenWorker, Snapshot
from worker.status.place import place_document
from worker.status.problems import problems
from worker.status.rates import LONGEST_SECONDS, RATES, WINDOWS
from worker.status.status import Status, drain
from worker.status.wording import iso_time_or_none


def document(status: Status) -> dict[str, Any]:
    """Everything that is known, for scripts."""
    snapshot, settings = status.snapshot, status.settings
    breaker = snapshot.breaker
    memory = status.memory
    left = drain(status)
    due = snapshot.due_now and snapshot.first_due_ms is not None
    return {
        "state": status.state,
        "journal": {**place_document(settings), "never_used": snapshot.never_used},
        "sentence": status.sentence,
        "problems": [
            {"name": problem.name, "sentence": problem.sentence} for problem in problems(status)
        ],
        "breaker": {
            "state": breaker.state.value,
            "cause": breaker.cause and breaker.cause.value,
            "detail": breaker.detail,
            "since": iso_time_or_none(breaker.since_ms),
            "next_probe_at": iso_time_or_none(breaker.probe_at_ms),
            "probes_failed": breaker.probes_failed,
        },
        "paused": snapshot.pause
        and {
            "since": iso_time_or_none(snapshot.pause.since_ms),
            "reason": snapshot.pause.reason,
        },
        "due": snapshot.due_now,
        "claimed": snapshot.claimed,
        "waiting": snapshot.waiting,
        "first_due_age_seconds": snapshot.seconds_since(snapshot.first_due_ms) if due else None,
        "horizon": {
            "tried": snapshot.tried,
            "first_at": iso_time_or_none(status.horizon_first_ms),
            "by": iso_time_or_none(status.horizon_by_ms),
            "number_by": status.horizon_by,
        },
        "drain": {
            "seconds": left.seconds and round(left.seconds, 1),
            "events_per_second": round(left.rate, 2),
        },
        "dead": {
            "number": snapshot.dead,
            "by_reason": snapshot.dead_by_reason,
            "by_status": [
                {"reason": reason, "status": status, "number": number}
                for (reason, status), number in sorted(snapshot.deaths.items(), key=str)
            ],
            "in_doubt": snapshot.dead_in_doubt,
            "bytes": snapshot.dead_bytes,
            "max_count": settings.dead_max_count,
            "max_bytes": settings.dead_max_bytes,
            "max_age_seconds": settings.dead_max_age_seconds,
        },
        "remembered": {"number": snapshot.remembered, "seconds": snapshot.dedupe_seconds},
        "per_second": {
            name.replace(" ", "_"): {
                f"{seconds}s": round(snapshot.recent.per_second(kinds, seconds), 3)
                for seconds in WINDOWS.values()
            }
            for name, kinds in RATES.items()
        },
        "milliseconds": {
            "acceptance_to_delivery": _quantiles(snapshot, DELIVERED_IN),
            "request": _quantiles(snapshot, REQUEST_TOOK),
        },
        "latest": {
            "delivered_at": iso_time_or_none(snapshot.latest.delivered_ms),
            "failed_at": iso_time_or_none(snapshot.latest.failed_ms),
            "failed_class": snapshot.latest.failed_class,
            "failed_detail": snapshot.latest.failed_detail,
        },
        "workers": [_worker(worker, snapshot) for worker in snapshot.workers],
        "silent_workers": [_worker(worker, snapshot) for worker in snapshot.silent],
        "wakeups": snapshot.wakeups,
        "redis": {
            "used_bytes": memory.used if memory else None,
            "max_bytes": (memory.bound or None) if memory else None,
        },
        "counters": dict(sorted(snapshot.counters.items())),
    }


def _quantiles(snapshot: Snapshot, name: str) -> dict[str, float | None]:
    histogram = snapshot.recent.histogram(name, LONGEST_SECONDS)
    amounts = {f"p{share}": histogram.quantile_ms(share / 100) for share in (50, 95, 99)}
    # JSON has no infinity, so null also stands for a duration beyond the last bound.
    shown = {
        name: None if amount is None or amount == float("inf") else round(amount, 1)
        for name, amount in amounts.items()
    }
    return {**shown, "number": histogram.total}


def _worker(worker: SeenWorker, snapshot: Snapshot) -> dict[str, Any]:
    asked = worker.asked_ms is not None
    return {
        "name": worker.name,
        "capacity": worker.capacity,
        "last_tick_age_seconds": snapshot.seconds_since(worker.ticked_ms),
        "asked_age_seconds": snapshot.seconds_since(worker.asked_ms) if asked else None,
    }
