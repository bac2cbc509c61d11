"""How long each step of the journal keeps Redis from answering other clients.

`python -m benchmarks.steps --letters 100000`. An embedded Valkey holds that many dead letters of 2
to 3 KB and times each command itself (SLOWLOG), without the client and the network.
"""

import argparse
import logging
import random
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import structlog
from redis import Redis

from benchmarks.results_file import write_results
from config.settings import Settings
from convertro.intake import CHUNK_EVENTS
from worker.journal.journal import MOVED_AT_ONCE, Journal
from worker.journal.producer import make_producer
from worker.journal.reading import CHECKED_AT_ONCE, PAGE
from worker.journal.records import Attempt, Finish, Move
from worker.lab.demo.embedded import embedded_server
from worker.reasons import DeathReason, DiscardReason

#: The size of an event's padding, in bytes.
_PADDING = range(2_000, 3_000)

#: The number of events that one process has in flight, and so finishes at once.
_BATCH = 32

#: The number of dead letters that are made at once.
_FILL = 100

#: Further counters of a busy ten seconds: durations by bucket.
_COUNTERS: dict[Any, Any] = {f"request_took:{number}": number for number in range(60)}

#: A step's name, the number of its events, and the step.
_Step = tuple[str, int, Callable[[], object]]


class Bench:
    """A journal with many dead letters."""

    def __init__(self, url: str, letters: int) -> None:
        self.settings = Settings(redis_url=url, dead_max_count=letters)
        self.redis = Redis.from_url(url)
        self.journal = Journal(self.redis, self.settings)
        self._intake = make_producer(self.settings).intake
        self._number = 0

    def accept(self, number: int) -> None:
        """Accept new events in one list."""
        events = []
        for _ in range(number):
            self._number += 1
            padding = "x" * random.choice(_PADDING)
            events.append(
                {
                    "type": "track",
                    "event": "Order Completed",
                    "messageId": f"message-{self._number:08}",
                    "userId": "user",
                    "properties": {"padding": padding},
                }
            )
        self._intake.enqueue_many(events)

    def claim(self, number: int) -> list[Finish]:
        """Claim events; return the finishes that bury them."""
        self.journal.tick("worker", 100, [])
        claim = self.journal.claim("token", f"lease-{self._number}", number)
        attempt = Attempt(at_ms=0, call="sale", outcome_class="rejected", detail="http_400")
        return [
            Finish(
                event_id=event.event_id,
                lease=event.lease,
                move=Move.DEAD,
                reason=DeathReason.MISSING_DEVICE_ID,
                attempts=(attempt,),
            )
            for event in claim.events
        ]

    def bury(self, number: int) -> None:
        """Accept and bury new events."""
        self.accept(number)
        while finishes := self.claim(number):
            self.journal.finish(finishes)

    def fill_rates(self) -> None:
        """Write counts for every ten seconds of the last quarter of an hour."""
        seconds, _ = self.redis.time()
        prefix = self.settings.key_prefix
        counters: Any = self.redis.hgetall(f"{prefix}counters")
        for number in range(90):
            slot = seconds // 10 - number
            self.redis.hset(f"{prefix}recent:{slot}", mapping={**counters, **_COUNTERS})

    def letters(self, number: int) -> list[Any]:
        """The oldest dead letters."""
        return [
            (one.event_id, one.died_at_ms) for one in islice(self.journal.dead_letters(), number)
        ]

    def steps(self) -> Iterator[_Step]:
        """Yield every step, to be carried out once; each is prepared when it is yielded."""
        journal = self.journal
        yield "accept of a list", CHUNK_EVENTS, partial(self.accept, CHUNK_EVENTS)
        yield "claim", _BATCH, partial(self.claim, _BATCH)
        self.bury(_BATCH)
        self.accept(_BATCH)
        yield "burials at the bound", _BATCH, partial(journal.finish, self.claim(_BATCH))
        letters = self.letters
        chosen = letters(MOVED_AT_ONCE)
        yield "discard", MOVED_AT_ONCE, partial(journal.discard, chosen, DiscardReason.OPERATOR)
        chosen = letters(MOVED_AT_ONCE)
        yield "redrive", MOVED_AT_ONCE, partial(journal.redrive, chosen)
        ids = [event_id for event_id, _ in letters(MOVED_AT_ONCE)]
        yield "erase", MOVED_AT_ONCE, partial(journal.erase, ids)
        yield "page of dead letters", PAGE, partial(self.letters, PAGE)
        yield "page of events", PAGE, lambda: list(islice(journal.all_raw_events(), PAGE))
        ids = [event_id for event_id, _ in letters(CHECKED_AT_ONCE)]
        yield "page of audit", CHECKED_AT_ONCE, partial(journal.problems_of, ids)
        yield "snapshot with rates", 1, partial(journal.snapshot, recent=True)
        smaller = self.settings.model_copy(update={"dead_max_count": 1})
        yield "tick that removes", 30, partial(Journal(self.redis, smaller).tick, "worker", 2, [])


def _longest_ms(redis: Redis, step: Callable[[], object]) -> float:
    """The server's time for the longest command of a step, in milliseconds."""
    redis.config_set("slowlog-log-slower-than", 0)
    redis.slowlog_reset()
    step()
    redis.config_set("slowlog-log-slower-than", -1)
    durations: list[float] = [
        row["duration"] / 1000
        for row in redis.slowlog_get(10_000)
        if not row["command"].startswith((b"CONFIG", b"SLOWLOG"))
    ]
    return max(durations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    longest: dict[tuple[str, int], list[float]] = {}
    with embedded_server(config={"save": "", "slowlog-max-len": "10000"}) as valkey:
        bench = Bench(f"redis://127.0.0.1:{valkey.port}/0", options.letters)
        for _ in range(options.letters // _FILL):
            bench.bury(_FILL)
        bench.fill_rates()
        for _ in range(options.rounds):
            for name, size, step in bench.steps():
                longest.setdefault((name, size), []).append(_longest_ms(bench.redis, step))
    rows = [
        {
            "step": name,
            "events": size,
            "least_ms": min(times),
            "median_ms": statistics.median(times),
            "most_ms": max(times),
        }
        for (name, size), times in longest.items()
    ]
    print(f"{'step':<24}{'events':>8}{'least ms':>10}{'median':>8}{'most':>8}")
    for row in rows:
        print(
            f"{row['step']:<24}{row['events']:>8}{row['least_ms']:>10.2f}"
            f"{row['median_ms']:>8.2f}{row['most_ms']:>8.2f}"
        )
    print(write_results("steps", rows, letters=options.letters))


if __name__ == "__main__":
    main()
