"""How much of a worker's CPU each part of a delivery takes, in a process that does nothing else.

`python -m benchmarks.parts --rounds 9`. Claims and finishes are not included; a worker's whole CPU
is `worker_cpu_s_per_10k` of `benchmarks.race`.
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
from worker.delivery.loop import DeliveryLoop
from worker.delivery.threads import EventThreads, Outbox, Result
from worker.destination.plan import plan_stored
from worker.journal.records import ClaimedEvent, Finish, Finished, Record, read_record
from worker.lab.demo.stack import DESTINATION
from worker.transport.transport import Transport

_TIMES = 2000

#: The number of events that are delivered together, as from one claim.
_GROUP = 32


class _NoJournal:
    """Stands in for the journal, which is told of an accepted call if further calls follow."""

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Answer that all were carried out."""
        return (Finished.MOVED,) * len(finishes)


def cpu_us(part: Callable[[], object], events: int) -> float:
    """The CPU of all threads for one event, in microseconds, if a call of `part` has `events`."""
    begun = time.process_time()
    for _ in range(_TIMES // events):
        part()
    return (time.process_time() - begun) / (_TIMES // events * events) * 1e6


def parts(settings: Settings) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Each part with its name and the events of a call; the last part is all others together."""
    raw = encode(event(7))
    stored = b'{"accepted_at":1700000000000,"lease":"0123456789abcdef"}'
    record = Record(accepted_at_ms=1_700_000_000_000)
    claimed = ClaimedEvent(event_id="event-7", lease="0123456789abcdef", raw=raw, record=record)
    transport = Transport(settings)
    delivery = Delivery(settings, transport, _NoJournal())
    (call,) = plan_stored(raw, record.accepted_at_ms, settings).calls
    keys = count()
    loop, outbox = DeliveryLoop(delivery, transport, EventThreads(_GROUP)), Outbox()

    def deliver() -> list[Result]:
        loop.submit([claimed] * _GROUP, outbox)
        outbox.wait(_GROUP, timeout_seconds=10)
        return list(outbox.take())

    _, finish = deliver()[0]
    socket = transport._adapter.pool._get_conn().sock  # noqa: SLF001  there is no public way to it
    request = b"%bContent-Length: %d\r\nIdempotency-Key: x\r\n\r\n%b" % (
        transport._head(call.path),  # noqa: SLF001  the same
        len(call.body),
        call.body,
    )

    def exchange() -> None:
        socket.sendall(request)
        socket.recv(16384)

    yield "reading its record", 1, lambda: read_record(stored)
    yield "translating and encoding", 1, lambda: plan_stored(raw, 1_700_000_000_000, settings)
    yield "the kernel's part of a request", 1, exchange
    yield "a request", 1, lambda: transport.send(call.path, call.body, f"event-7/{next(keys)}")
    yield "writing what became of it", 1, lambda: msgspec.json.encode(finish)
    yield "delivering an event", _GROUP, deliver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with Sink(0) as sink:
        os.environ.update(DESTINATION, CONVERTRO_BASE_URL=sink.url)
        measured = list(parts(Settings(redis_url="redis://127.0.0.1:6379/0")))
        rows: list[dict[str, Any]] = [
            {"round": number, "part": name, "cpu_us": cpu_us(part, events)}
            for number in range(options.rounds)
            for name, events, part in measured
        ]
    for name, *_ in measured:
        taken = median(row["cpu_us"] for row in rows if row["part"] == name)
        print(f"{name:<32}{taken:>8.1f} µs")
    print(write_results("parts", rows))


if __name__ == "__main__":
    main()
