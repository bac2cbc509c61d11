"""Outages of the collector and its Redis while one of Segment's libraries sends."""

import time

from tests.support.collector_process import CollectorProcess
from tests.support.killed_server import Server
from worker.lab.demo.stack import Stack

#: How long an outage lasts, in seconds: long enough for a library to fail and try again.
OUTAGE_SECONDS = 3.0


def hang(stack: Stack, _collector: CollectorProcess) -> None:
    """Let Redis accept connections but answer nothing, for a while."""
    with Server(stack).hung():
        time.sleep(OUTAGE_SECONDS)


def die(stack: Stack, _collector: CollectorProcess) -> None:
    """Kill Redis and start it again."""
    with Server(stack).down():
        time.sleep(OUTAGE_SECONDS)


def kill(_stack: Stack, collector: CollectorProcess) -> None:
    """Kill the collector and start it again."""
    collector.kill()
    time.sleep(OUTAGE_SECONDS)
    collector.start()
