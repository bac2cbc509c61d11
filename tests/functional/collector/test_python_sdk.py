"""Segment's own library for Python sends while Redis hangs or dies, or the collector dies."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.cli_process import ROOT
from tests.support.collector_outages import die, hang, kill
from tests.support.collector_process import KEY, CollectorProcess
from tests.support.exposition import labels_of, value
from tests.support.killed_server import Server
from tests.support.waiting import PATIENCE_SECONDS, until
from worker.lab.demo.stack import Stack


@contextmanager
def sending(collector: CollectorProcess) -> Iterator[Callable[[], dict[str, Any]]]:
    """Let an application send; yield a function that ends it and returns its report."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.python_sdk", collector.url, KEY],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def end() -> dict[str, Any]:
        told, _ = process.communicate(timeout=2 * PATIENCE_SECONDS)
        return dict(json.loads(told))

    try:
        yield end
    finally:
        process.kill()
        process.communicate()


def restart(_stack: Stack, collector: CollectorProcess) -> None:
    assert collector.stop() == 0
    collector.start()


@pytest.mark.parametrize(
    "accident", [hang, die, kill, pytest.param(restart, marks=pytest.mark.slow)]
)
def test_the_library_keeps_what_was_not_accepted_and_sends_it_again(
    stack: Stack, accident: Callable[[Stack, CollectorProcess], None]
) -> None:
    journal = stack.producer().journal
    Server(stack)  # it writes to disk before it answers
    stack.start_worker()
    with CollectorProcess(stack.environment) as collector, sending(collector) as end:
        until(lambda: journal.snapshot().total("accepted") > 100)
        accident(stack, collector)
        before = journal.snapshot().total("accepted")
        until(lambda: journal.snapshot().total("accepted") > before + 100)
        told = end()
        text = collector.metrics()
    assert told["lost"] == []
    until(lambda: journal.snapshot().in_flight == 0)
    delivered = {call.key.partition("/")[0] for call in stack.sandbox.calls()}
    assert delivered == set(told["ids"])
    snapshot = journal.snapshot()
    assert snapshot.unaccounted == 0
    assert snapshot.total("accepted") == len(told["ids"])
    if accident in {hang, die}:
        assert value(text, "convertro_collector_requests_total", route="batch", status="503")
        outcomes = labels_of(text, "convertro_collector_events_total")
        # Steps whose answer was lost may have been carried out.
        assert outcomes["accepted"] <= snapshot.total("accepted")
        assert outcomes["unavailable"] > 0
