"""Reads an exporter's metrics as numbers."""

from prometheus_client.parser import text_string_to_metric_families

#: A series: its name, and its labels in order.
Series = tuple[str, tuple[tuple[str, str], ...]]


def series(text: str) -> dict[Series, float]:
    """The value of each series of an exposition."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    """The value of one series; None if it is missing."""
    return series(text).get((name, tuple(sorted(labels.items()))))


def labels_of(text: str, name: str) -> dict[str, float]:
    """The values of a metric with one label, by the label's value."""
    return {
        labels[0][1]: number for (found, labels), number in series(text).items() if found == name
    }


def kinds(text: str) -> dict[str, str]:
    """The type of each metric, by the name that queries use."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in text_string_to_metric_families(text)
    }
