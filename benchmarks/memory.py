"""The memory that an event takes in Redis: while it waits, once it is delivered, and when dead.

`python -m benchmarks.memory --events 20000`. The figures on memory in docs/sizing.md come from it.
"""

import argparse
import time
import uuid
from collections.abc import Callable
from itertools import count

from benchmarks.delivering import deploy
from benchmarks.event import event
from benchmarks.sink import Sink
from convertro.segment_event import encode
from worker.journal.journal import Journal
from worker.journal.records import Attempt, ClaimedEvent, Finish, Move, SentCall, Worth
from worker.reasons import DeathReason

#: The size of the call's body that a dead letter keeps, in bytes.
_BODY_BYTES = 230


def delivered(claimed: ClaimedEvent) -> Finish:
    """Finish an event as delivered."""
    return Finish(event_id=claimed.event_id, lease=claimed.lease, move=Move.DELIVERED)


def rejected(claimed: ClaimedEvent) -> Finish:
    """Finish an event as rejected, with everything that a dead letter keeps."""
    attempt = Attempt(
        at_ms=int(time.time() * 1000),
        call="sale",
        outcome_class="rejected",
        detail="http_400",
        status=400,
        took_ms=12,
        said="invalid event_value",
    )
    return Finish(
        event_id=claimed.event_id,
        lease=claimed.lease,
        move=Move.DEAD,
        reason=DeathReason.REJECTED,
        worth=Worth.REVENUE,
        outcome_class="rejected",
        status=400,
        attempts=(attempt,),
        sent=SentCall(call="sale", path="/v1/acme/1234/events", body="x" * _BODY_BYTES),
    )


def finish_all(journal: Journal, became: Callable[[ClaimedEvent], Finish]) -> None:
    """Claim all due events, and finish each in the same way."""
    finishes: list[Finish] = []
    for number in count():
        claim = journal.claim("token", f"{number}", 64, finishes=finishes)
        if not claim.events:
            return
        finishes = [became(claimed) for claimed in claim.events]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    number = parser.parse_args().events
    with Sink(0) as sink, deploy(sink) as stack:
        producer = stack.producer()
        journal, enqueue = producer.journal, producer.intake.enqueue_many
        journal.tick("measuring", 1, [])
        journal.resume(bury_seconds=3600)

        def fill() -> float:
            """Enqueue events; return the mean bytes of one."""
            events = [{**event(each), "messageId": str(uuid.uuid4())} for each in range(number)]
            enqueue(events)
            return sum(len(encode(each)) for each in events) / len(events)

        def used() -> int:
            memory = journal.memory()
            assert memory
            return memory.used

        empty = used()
        raw = fill()
        print(f"a waiting event of {raw:.0f} bytes: {(used() - empty) / number:.0f} bytes")
        finish_all(journal, delivered)
        print(f"a remembered id of 36 characters: {(used() - empty) / number:.0f} bytes")
        before = used()
        fill()
        finish_all(journal, rejected)
        each = (used() - before) / journal.snapshot().dead
        print(f"a dead letter of such an event: {each:.0f} bytes")


if __name__ == "__main__":
    main()
