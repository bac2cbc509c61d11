"""What may happen to the collector and its Redis while a library of Segment's sends."""

import time

from tests.support.collector_process import CollectorProcess
from tests.support.killed_server import Server
from worker.lab.demo.stack import Stack

#: Long enough for a library to hear of it and to try again.
OUTAGE_SECONDS = 3.0


def hang(stack: Stack, _collector: CollectorProcess) -> None:
    """Redis answers nobody."""
    with Server(stack).hung():
        time.sleep(OUTAGE_SECONDS)


def die(stack: Stack, _collector: CollectorProcess) -> None:
    """Redis is killed, and started again."""
    with Server(stack).down():
        time.sleep(OUTAGE_SECONDS)


def kill(_stack: Stack, collector: CollectorProcess) -> None:
    """The collector is killed, and started again."""
    collector.kill()
    time.sleep(OUTAGE_SECONDS)
    collector.start()
