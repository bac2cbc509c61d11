"""docs/metrics.md lists the exporter's metrics."""

from worker.exporter.write_reference import PAGE, metrics_page


def test_the_page_says_what_the_metrics_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_page(), "run `make reference`"
