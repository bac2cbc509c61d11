"""Writes `docs/metrics.md` from the metrics themselves.

Run it as `python -m worker.exporter.write_reference`; a test fails while the page differs.
"""

from pathlib import Path

from prometheus_client import Metric

from config.settings import Settings
from worker.exporter.collector import journal_registry
from worker.exporter.counters import DURATIONS
from worker.journal.histogram import Histogram
from worker.journal.snapshot import Latest, Memory, Recent, SeenWorker, Snapshot

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

#: The title of each kind of metric.
_TITLES = {
    "counter": "Counters, which only grow while Redis keeps its data",
    "histogram": "Histograms of durations",
    "gauge": "Gauges: how things are now",
}

_INTRODUCTION = """\
# Metrics

`convertro exporter` serves what the journal knows as [Prometheus](https://prometheus.io) metrics.

```
convertro exporter                      # http://127.0.0.1:9808/metrics, and the status page at /
make exporter                           # the same
docker compose up -d exporter           # the same, beside the worker
```

Without `make setup`, in the checkout: `pip install ./client '.[exporter]'`. It reads the workers'
settings: `CONVERTRO_REDIS_URL`, `CONVERTRO_KEY_PREFIX`, and what metrics are computed from
(`CONVERTRO_RETRY_HORIZON_SECONDS`, `CONVERTRO_DEDUPE_SECONDS` and the bounds of dead letters).

```yaml
scrape_configs:
  - job_name: convertro
    scrape_interval: 15s
    static_configs:
      - targets: ["127.0.0.1:9808"]
```

**One exporter is enough for any number of workers.** The counters are in Redis, so a restart loses
none. Two exporters of one journal say the same twice: scrape one, or take `max by`. A scrape reads
the journal once, a few milliseconds however many events there are. It holds no content and no ids.
There is no password; if `--host` opens the exporter to others, put a firewall or a proxy before it.

| path | answers |
| --- | --- |
| `/metrics` | always 200; while Redis is unavailable only `convertro_up 0` |
| `/healthz` | [`convertro health --live --all`](cli.md#convertro-health): 200, otherwise 503 |
| `/readyz` | the same of `convertro health --ready` |

The last two are about workers and Redis; let a probe of *the exporter* ask `/metrics`.

A worker is alive if it gave a sign of life in the last 5 s, and stuck if it has not asked for work
for 30 s although some waits. Workers are shown by node name, at most 50 names, the worst off.
`reason` and `status` are bounded: what else may be in the journal counts as `other`. There are
about 100 series, and two for each worker's name.

More about labels: `reason` of [skips](mapping.md#why-nothing-was-sent) and of
[dead letters](delivery.md#dead-letters), [`outcome`](delivery.md), `note` of
[orders](operations.md#orders-without-an-id) and
[amounts](operations.md#amounts-that-cannot-be-read), [`cause`](delivery.md#holding),
[`kind`](operations.md#foreign-messages-in-the-queue).
"""

_QUERIES = {
    "events delivered a second": "rate(convertro_events_delivered_total[5m])",
    "share of attempts that fail": (
        '1 - rate(convertro_attempts_total{outcome="accepted"}[5m]) / ignoring(outcome) '
        "sum without (outcome) (rate(convertro_attempts_total[5m]))"
    ),
    "from acceptance to delivery, 95 of 100": (
        "histogram_quantile(0.95, rate(convertro_delivery_seconds_bucket[5m]))"
    ),
    "seconds until the first retries end": "convertro_horizon_first_timestamp_seconds - time()",
    "share of Redis's memory used": (
        "convertro_redis_memory_used_bytes / (convertro_redis_memory_max_bytes > 0)"
    ),
    "events that became dead letters in an hour": "sum(increase(convertro_events_dead_total[1h]))",
}


class _ExampleJournal:
    """A journal with enough in it that no metric is absent."""

    def snapshot(self) -> Snapshot:
        """One worker, one dead letter, and nothing else."""
        worker = SeenWorker(name="celery@host/1-a", capacity=1, ticked_ms=0, asked_ms=0)
        return Snapshot(
            dedupe_seconds=0,
            now_ms=0,
            counters={},
            histograms=dict.fromkeys(DURATIONS, Histogram()),
            latest=Latest(),
            due_now=0,
            claimed=0,
            waiting=0,
            first_due_ms=None,
            tried=0,
            first_tried_ms=0,
            dead=1,
            deaths={("rejected", 400): 1},
            dead_in_doubt=0,
            dead_bytes=0,
            valued=1,
            stored=1,
            wakeups=0,
            workers=(worker,),
            silent=(),
            remembered=0,
            recent=Recent(0),
        )

    def memory(self) -> Memory:
        """An empty Redis."""
        return Memory(used=0, bound=0)


def metrics_page() -> str:
    """The text of `docs/metrics.md`."""
    metrics = list(journal_registry(_ExampleJournal(), Settings()).collect())
    lines = [_INTRODUCTION]
    for kind, title in _TITLES.items():
        lines += [f"## {title}\n", "| metric | meaning |", "| --- | --- |"]
        lines += [_row(metric) for metric in metrics if metric.type == kind]
        lines.append("")
    lines += ["## Questions and their queries\n", "| question | query |", "| --- | --- |"]
    lines += [f"| {question} | `{query}` |" for question, query in _QUERIES.items()]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    """A table row: the metric with its labels, its meaning, and the label's values if several."""
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    labels = [label for label in metric.samples[0].labels if label != "le"]
    shown = f"{name}{{{','.join(labels)}}}" if labels else name
    meaning = metric.documentation[0].lower() + metric.documentation[1:].rstrip(".")
    if labels and len(metric.samples) > 1:
        values = ", ".join(f"`{sample.labels[labels[0]]}`" for sample in metric.samples)
        meaning = f"{meaning}: {values}"
    return f"| `{shown}` | {meaning} |"


def write() -> None:
    """Write the page."""
    PAGE.write_text(metrics_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
