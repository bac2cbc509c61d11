"""Reads the journal once for each scrape."""

from collections.abc import Iterator
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.exporter.counters import counter_families, histogram_families
from worker.exporter.gauges import gauge_families, memory_gauges, scrape_gauge, up_gauge
from worker.journal.journal import Journal
from worker.journal.snapshot import Memory


class _JournalCollector(Collector):
    """What the journal knows, from one snapshot of it.

    Args:
        journal: Where to look.
        settings: Those of the workers: their bounds and windows are shown.
    """

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal = journal
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """Every metric, or `convertro_up 0` alone while Redis is unavailable."""
        began_at = monotonic()
        try:
            snapshot = self._journal.snapshot()
        except JournalUnavailable:
            yield up_gauge(is_up=False)
            return
        memory = self._memory()
        yield up_gauge(is_up=True)
        yield from counter_families(snapshot)
        yield from histogram_families(snapshot)
        yield from gauge_families(snapshot, self._settings)
        if memory is not None:
            yield from memory_gauges(memory)
        yield scrape_gauge(monotonic() - began_at)

    def _memory(self) -> Memory | None:
        """How full Redis is; None if its user may not ask, which is no fault."""
        try:
            return self._journal.memory()
        except JournalUnavailable:
            return None


def journal_registry(journal: Journal, settings: Settings) -> CollectorRegistry:
    """A registry of the journal alone: nothing of this process is in it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_JournalCollector(journal, settings))
    return registry
