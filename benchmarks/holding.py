"""How long deliveries are held if Convertro fails in part; simulates hours in minutes.

    python -m benchmarks.holding --hours 6

It runs the journal's own scripts on a real Valkey with a simulated clock. Events come at an even
rate, a round takes a second, and answers are drawn by a seed. The time held is that in which the
breaker was open, without the events' own waits for a retry.
"""

import argparse
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog
from redis import Redis

from config.settings import Settings
from worker.delivery.retry import backoff_seconds
from worker.journal.breaker_state import BreakerState
from worker.journal.journal import Journal
from worker.journal.records import Attempt, ClaimedEvent, Finish, Move, TaskState
from worker.lab.demo.embedded import embedded_server

#: The outcome class, status and detail, and the seconds of a Retry-After.
Answer = tuple[str, int, str, int | None]
PASSED: Answer = ("accepted", 200, "accepted", None)
FORBIDDEN: Answer = ("setup", 403, "http_403", None)
ASKED: Answer = ("throttled", 429, "http_429", 5)
FAILED: Answer = ("ambiguous", 500, "http_500", None)

#: The length of a step of the clock, in milliseconds.
STEP_MS = 1000

#: The failing answers by name.
ANSWERS = {"403": FORBIDDEN, "429, Retry-After 5": ASKED, "500": FAILED}


@dataclass
class World:
    """A journal, a clock, and a Convertro whose answers `answer` decides."""

    redis: Redis
    settings: Settings
    answer: Callable[[str], Answer]
    per_second: float
    now_ms: int = 1_800_000_000_000
    held_ms: int = 0
    openings: int = 0
    number: int = 0
    owed: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    under_way: list[tuple[int, int, ClaimedEvent, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.redis.flushdb()
        self.journal = Journal(self.redis, self.settings, clock=lambda: self.now_ms)
        self.is_open = False

    def run(self, seconds: float) -> None:
        """Let a number of seconds pass."""
        until_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < until_ms:
            self.step()

    def step(self) -> None:
        self.now_ms += STEP_MS
        self.owed += self.per_second * STEP_MS / 1000
        if fresh := int(self.owed):
            self.owed -= fresh
            rows = [(f"e{self.number + index}", b"{}") for index in range(fresh)]
            self.number += fresh
            self.journal.accept(rows)
        self.journal.tick("worker", 2, [])
        finishes = []
        while self.under_way and self.under_way[0][0] <= self.now_ms:
            _, _, event, answer = heapq.heappop(self.under_way)
            finishes.append(self.finish_of(event, answer))
        free = 64 - len(self.under_way)
        claim = self.journal.claim(
            "w", f"l{self.now_ms}", free, task=TaskState.LINGERING, finishes=finishes
        )
        for event in claim.events:
            answer = self.answer(event.event_id)
            # A success comes back at the next step, a failure after a second.
            ends_ms = self.now_ms + (1000 if answer is not PASSED else STEP_MS)
            heapq.heappush(
                self.under_way,
                (
                    ends_ms,
                    self.number + len(self.under_way) + self.chance.randrange(1 << 40),
                    event,
                    answer,
                ),
            )
        is_open = self.journal.snapshot().breaker.state is not BreakerState.CLOSED
        self.openings += is_open and not self.is_open
        self.held_ms += STEP_MS * is_open
        self.is_open = is_open

    def finish_of(self, event: ClaimedEvent, answer: Answer) -> Finish:
        name, status, detail, asked = answer
        attempt = Attempt(
            at_ms=self.now_ms - 1000, call="sale", outcome_class=name, detail=detail, status=status
        )
        if answer is PASSED:
            return Finish(
                event_id=event.event_id, lease=event.lease, move=Move.DELIVERED, attempts=(attempt,)
            )
        jitter = 0.8 + 0.4 * self.chance.random()
        delay = max(backoff_seconds(event.record.postponed, self.settings) * jitter, asked or 0)
        return Finish(
            event_id=event.event_id,
            lease=event.lease,
            move=Move.POSTPONED,
            delay_ms=int(delay * 1000),
            retry_after_ms=asked * 1000 if asked else None,
            attempts=(attempt,),
        )


def of_events(share: float, answer: Answer) -> Callable[[str], Answer]:
    """Let a share of the events get a failing answer at every attempt."""
    every = round(1 / share)
    return lambda name: answer if int(name[1:]) % every == 0 else PASSED


def of_rounds(share: float, answer: Answer, seed: int = 1) -> Callable[[str], Answer]:
    """Let a share of the rounds get a failing answer, whatever the event."""
    chance = random.Random(seed)
    return lambda _: answer if chance.random() < share else PASSED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--per-second", type=float, default=10)
    parser.add_argument("--least", type=int, nargs="+", default=[5, 20, 200])
    parser.add_argument("--only", default="", help="Cases whose name holds this.")
    args = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # do not log each opening
    cases: dict[str, Callable[[], Callable[[str], Answer]]] = {}
    for name, answer in ANSWERS.items():
        for share in (0.003, 0.01, 0.02):
            cases[f"{share:.1%} of events {name} for ever"] = partial(of_events, share, answer)
        cases[f"1 % of rounds {name}"] = partial(of_rounds, 0.01, answer)
    for share in (0.45, 0.5, 0.55, 0.8, 1.0):
        cases[f"{share:.0%} of rounds 500"] = partial(of_rounds, share, FAILED)
    print("| case | least | held | openings | events |\n| --- | ---: | ---: | ---: | ---: |")
    with embedded_server() as server, Redis(port=server.port) as redis:
        for name, make in cases.items():
            if args.only not in name:
                continue
            for least in args.least:
                world = World(
                    redis,
                    Settings(
                        breaker_min_count=least, concurrency=64, retry_horizon_seconds=7 * 86400
                    ),
                    make(),
                    args.per_second,
                )
                world.run(args.hours * 3600)
                held = world.held_ms / (args.hours * 3600 * 10)
                print(
                    f"| {name} | {least} | {held:.2f} % | {world.openings} | {world.number:,} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
