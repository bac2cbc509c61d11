"""An outage is logged when it begins, when it lasts and when it is over, but not in between."""

from typing import Any

import structlog

from worker.process.outage import LASTING_SECONDS, Outage


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def told_by_an_outage(*, alarms: bool) -> list[dict[str, Any]]:
    """The lines of an outage that is noticed each second for a while and then ends."""
    clock = Clock()
    outage = Outage("broker", alarms=alarms, now=clock)
    with structlog.testing.capture_logs() as logs:
        for _ in range(int(2 * LASTING_SECONDS)):
            outage.note("ConnectionError")
            clock.seconds += 1
        outage.end()
        outage.end()
    return [dict(line) for line in logs]


def test_a_lasting_outage_is_an_error_once() -> None:
    lines = told_by_an_outage(alarms=True)
    assert [(line["log_level"], line["action"]) for line in lines] == [
        ("warning", "broker_unavailable"),
        ("error", "broker_outage"),
        ("info", "broker_back"),
    ]
    assert [line.get("seconds") for line in lines] == [None, 30.0, 60.0]


def test_its_lines_have_the_fields_that_are_listed() -> None:
    for line in told_by_an_outage(alarms=True):
        assert set(line) == {*line["action"].fields, "action", "event", "log_level"}


def test_a_process_that_does_not_speak_for_its_worker_raises_no_alarm() -> None:
    assert [line["action"] for line in told_by_an_outage(alarms=False)] == [
        "broker_unavailable",
        "broker_back",
    ]


def test_the_next_outage_is_another_one() -> None:
    outage = Outage("journal")
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            outage.note("ConnectionError")
            outage.end()
    assert [line["action"] for line in logs] == ["journal_unavailable", "journal_back"] * 2
