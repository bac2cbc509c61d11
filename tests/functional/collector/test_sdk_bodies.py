"""The collector takes what real libraries posted, byte for byte; each event ends as expected."""

import json
from collections import Counter

import pytest

from tests.support.collector_process import CollectorProcess
from tests.support.exposition import value
from tests.support.sdk_bodies import BODIES, BY_BODY, SETTINGS, end_of, ends_of_all
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

#: The path to which each library posts.
PATHS = {"browser_batch": "/v1/b", "ios": "/v1/b", "android": "/v1/b"}

#: The write key of all bodies; some have it only in the body.
KEY = "WRITEKEY"


def path_of(name: str, body: bytes) -> str:
    library = name.rpartition("_")[0]
    if library == "browser":
        return f"/v1/{json.loads(body)['type'][0]}"
    return PATHS.get(library, "/v1/batch")


@pytest.mark.environment(**SETTINGS, WRITE_KEYS=KEY)
def test_bodies_are_taken_as_they_are_and_a_worker_does_what_is_expected(stack: Stack) -> None:
    journal = stack.producer().journal
    with CollectorProcess(stack.environment) as collector:
        for name, rows in BY_BODY.items():
            body = (BODIES / name).read_bytes()
            headers = {"Authorization": "Basic V1JJVEVLRVk6"}  # WRITEKEY:
            if "gzip" in name:
                headers["Content-Encoding"] = "gzip"
            answer = collector.ask("POST", path_of(name, body), body, headers)
            refused = [row["event"] - 1 for row in rows if "refused" in row]
            assert answer.status == 200
            assert [one["index"] for one in answer.json.get("refused", [])] == refused
        text = collector.metrics()
    assert journal.snapshot().total("accepted") == journal.snapshot().in_flight
    stack.start_worker()
    until(lambda: journal.snapshot().in_flight == 0)
    snapshot = journal.snapshot()
    ends = ends_of_all()
    accepted = value(text, "convertro_collector_events_total", outcome="accepted")
    assert snapshot.total("accepted") == accepted == len(ends)
    left = {
        name: number
        for name, number in snapshot.counters.items()
        if name.startswith(("skipped:", "dead:", "delivered"))
    }
    assert left == Counter(map(end_of, ends.values()))
    assert snapshot.unaccounted == 0
    assert len(stack.sandbox.calls()) == sum(len(row.get("calls", ())) for row in ends.values())
