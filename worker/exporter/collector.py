"""Collects the metrics, with one reading of the journal for each scrape."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.exporter.counters import counter_families, histogram_families
from worker.exporter.gauges import gauge, gauge_families
from worker.journal.snapshot import Memory, Snapshot


class ReadableJournal(Protocol):
    """The part of the journal that a scrape uses."""

    def snapshot(self) -> Snapshot:
        """The journal at one instant."""

    def memory(self) -> Memory | None:
        """How full Redis is; None if it does not say."""


@dataclass(eq=False)
class _JournalCollector(Collector):
    """The metrics of one snapshot of the journal."""

    journal: ReadableJournal
    #: The workers' settings, whose bounds and windows are shown.
    settings: Settings
    #: Finds out why Redis refuses writes; called only if a worker seems not to be alive.
    refusal: Callable[[], str | None]

    def collect(self) -> Iterator[Metric]:
        """Every metric, or `convertro_up 0` alone while Redis is unavailable."""
        began_at = monotonic()
        up = "convertro_up", "1 if the journal could be read; 0, and nothing else, if not."
        try:
            snapshot = self.journal.snapshot()
        except JournalUnavailable:
            yield gauge(*up, 0)
            return
        yield gauge(*up, 1)
        yield from counter_families(snapshot)
        yield from histogram_families(snapshot)
        yield from gauge_families(snapshot, self.settings)
        refuses = not snapshot.all_alive and self.refusal() is not None
        yield gauge(
            "convertro_redis_refuses_writes",
            "1 while Redis refuses writes: nothing is accepted or delivered, workers seem silent.",
            refuses,
        )
        with suppress(JournalUnavailable):  # it was there a moment ago
            yield from _memory_gauges(self.journal.memory())
        seconds = monotonic() - began_at
        yield gauge("convertro_scrape_seconds", "How long reading the journal took.", seconds)


def _memory_gauges(memory: Memory | None) -> Iterator[Metric]:
    if memory is None:
        return
    yield gauge(
        "convertro_redis_memory_used_bytes",
        "Memory that Redis uses; absent if its user may not use INFO.",
        memory.used,
    )
    yield gauge(
        "convertro_redis_memory_max_bytes",
        "maxmemory; 0 for no bound, absent likewise.",
        memory.bound,
    )


def journal_registry(
    journal: ReadableJournal,
    settings: Settings,
    refusal: Callable[[], str | None] = lambda: None,
) -> CollectorRegistry:
    """Make a registry of the journal's metrics alone, without those of this process.

    Args:
        journal: The journal to read.
        settings: The workers' settings.
        refusal: Finds out why Redis refuses writes; called only if a worker seems not to be alive.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_JournalCollector(journal, settings, refusal))
    return registry
