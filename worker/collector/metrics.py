"""The collector's own metrics.

With several processes prometheus-client keeps them in files of a folder, and each process answers
for all. The variable that names the folder must be set before this module is imported.
"""

import os
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

#: Upper bounds of the histogram's buckets, in seconds, up to the longest wait for Redis.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

#: What can become of an event: each received event has one of these outcomes.
OUTCOMES = ("accepted", "duplicate", "refused", "unavailable")

#: The fields for which an event can be refused.
FIELDS = ("batch", "event", "messageId", "type")


disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series and say nothing


class CollectorMetrics:
    """The metrics of requests, their events and connections."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "convertro_collector_requests",
            "Requests answered.",
            ["route", "status"],
            registry=self._registry,
        )
        events = Counter(
            "convertro_collector_events",
            "Events that came, by what became of them.",
            ["outcome"],
            registry=self._registry,
        )
        self.events = {outcome: events.labels(outcome) for outcome in OUTCOMES}
        refused = Counter(
            "convertro_collector_refused_events",
            "Events that can never be accepted, by the field that is wrong.",
            ["field"],
            registry=self._registry,
        )
        self.refused = {field: refused.labels(field) for field in FIELDS}
        self.seconds = Histogram(
            "convertro_collector_request_seconds",
            "From the headers of a request that brings events to its answer.",
            buckets=_BOUNDS,
            registry=self._registry,
        )
        self.connections = Gauge(
            "convertro_collector_connections",
            "Connections that are open.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.most_connections = Gauge(
            "convertro_collector_connections_max",
            "Connections that may be open.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.refused_connections = Counter(
            "convertro_collector_refused_connections",
            "Connections closed at once because too many were open.",
            registry=self._registry,
        )
        self.request = cache(self._request)

    def _request(self, route: str, status: int) -> Counter:
        """The counter of a route and a status; there are few values of each."""
        return self._requests.labels(route, str(status))

    def exposition(self) -> bytes:
        """All metrics, in Prometheus's text format."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        everywhere = CollectorRegistry()
        MultiProcessCollector(everywhere)  # type: ignore[no-untyped-call]
        return generate_latest(everywhere)
