"""Segment's library for Node sends while Redis hangs or dies, or the collector dies."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.collector_outages import die, hang, kill
from tests.support.collector_process import KEY, CollectorProcess
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

APPLICATION = Path(__file__).parent / "node_application.mjs"


def nothing(_stack: Stack, _collector: CollectorProcess) -> None:
    """No accident happens."""


@pytest.mark.clients
@pytest.mark.parametrize("accident", [nothing, hang, die, kill])
def test_the_library_keeps_what_was_not_accepted_and_sends_it_again(
    npm_folder: Path,
    stack: Stack,
    collector: CollectorProcess,
    accident: Callable[[Stack, CollectorProcess], None],
) -> None:
    journal = stack.producer().journal
    application = subprocess.Popen(
        ["node", APPLICATION, npm_folder, collector.url, KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: journal.snapshot().total("accepted") > 100)
    accident(stack, collector)
    before = journal.snapshot().total("accepted")
    until(lambda: journal.snapshot().total("accepted") > before + 100)
    told = json.loads(application.communicate(timeout=120)[0])
    assert told["lost"] == []
    until(lambda: journal.snapshot().in_flight == 0)
    delivered = {call.key.partition("/")[0] for call in stack.sandbox.calls()}
    assert delivered == set(told["ids"])
    assert journal.snapshot().unaccounted == 0
