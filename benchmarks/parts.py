"""What each part of a delivery takes of a worker's CPU, in one thread that has the process alone.

`python -m benchmarks.parts --rounds 9`. What threads cost each other, and what is done once for a
group of events, is not in it: `worker_cpu_s_per_10k` of `benchmarks.race` is all of it.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from statistics import median
from typing import Any

import msgspec

from benchmarks.event import event
from benchmarks.results_file import write_results
from benchmarks.sink import Sink
from config.settings import Settings
from convertro.segment_event import encode
from worker.delivery.event import Delivery
from worker.destination.plan import plan_stored
from worker.journal.records import ClaimedEvent, Finish, Finished, Record, read_record
from worker.lab.demo.stack import DESTINATION
from worker.transport.transport import Transport

_TIMES = 2000


class _NoJournal:
    """Stands where one is told of an accepted call while others follow; here none do."""

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Say that they were carried out."""
        return (Finished.MOVED,) * len(finishes)


def cpu_us(part: Callable[[], object]) -> float:
    """CPU microseconds that one call takes."""
    begun = time.thread_time()
    for _ in range(_TIMES):
        part()
    return (time.thread_time() - begun) / _TIMES * 1e6


def parts(settings: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each part by its name; the last is all of them."""
    raw = encode(event(7))
    stored = b'{"accepted_at":1700000000000,"lease":"0123456789abcdef"}'
    record = Record(accepted_at_ms=1_700_000_000_000)
    claimed = ClaimedEvent(event_id="event-7", lease="0123456789abcdef", raw=raw, record=record)
    transport = Transport(settings)
    delivery = Delivery(settings, transport, _NoJournal())
    (call,) = plan_stored(raw, record.accepted_at_ms, settings).calls
    keys = count()
    finish = delivery.deliver(claimed)
    socket = transport._adapter.pool._get_conn().sock  # noqa: SLF001  there is no public way to it
    request = b"%bContent-Length: %d\r\nIdempotency-Key: x\r\n\r\n%b" % (
        transport._head(call.path),  # noqa: SLF001  the same
        len(call.body),
        call.body,
    )

    def exchange() -> None:
        socket.sendall(request)
        socket.recv(16384)

    yield "reading its record", lambda: read_record(stored)
    yield "translating and encoding", lambda: plan_stored(raw, 1_700_000_000_000, settings)
    yield "the kernel's part of a request", exchange
    yield "a request", lambda: transport.send(call.path, call.body, f"event-7/{next(keys)}")
    yield "writing what became of it", lambda: msgspec.json.encode(finish)
    yield "delivering an event", lambda: delivery.deliver(claimed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with Sink(0) as sink:
        os.environ.update(DESTINATION, CONVERTRO_BASE_URL=sink.url)
        measured = list(parts(Settings(redis_url="redis://127.0.0.1:6379/0")))
        rows: list[dict[str, Any]] = [
            {"round": number, "part": name, "cpu_us": cpu_us(part)}
            for number in range(options.rounds)
            for name, part in measured
        ]
    for name, _ in measured:
        taken = median(row["cpu_us"] for row in rows if row["part"] == name)
        print(f"{name:<32}{taken:>8.1f} µs")
    print(write_results("parts", rows))


if __name__ == "__main__":
    main()
