"""`docs/collector.md` lists the collector's metrics and no other, with their labels."""

import re
from pathlib import Path

from tests.support.exposition import kinds, series
from worker.collector.metrics import CollectorMetrics

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "collector.md").read_text()

ROW = re.compile(r"^\| `(convertro_collector_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


def exposition() -> str:
    metrics = CollectorMetrics()
    metrics.request("batch", 200).inc()
    metrics.seconds.observe(0.01)
    return metrics.exposition().decode()


def test_the_page_lists_what_is_exported_and_nothing_else() -> None:
    rows = ROW.findall(PAGE)
    listed = {name: kind for name, kind, _ in rows}
    assert len(listed) == len(rows), "a metric is listed twice"
    assert kinds(exposition()) == listed


def test_the_page_lists_the_labels() -> None:
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in ROW.findall(PAGE)}
    for name, labels in series(exposition()):
        metric = re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", name)
        assert {label for label, _ in labels} - {"le"} == listed[metric], metric
