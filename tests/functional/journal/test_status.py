"""A status is read in several steps, but its numbers are consistent."""

from redis import Redis

from config.settings import Settings
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Finish, Move
from worker.journal.snapshot import STUCK_MS
from worker.status.read import read_status


def test_an_event_first_tried_while_the_status_is_read_counts_in_none_of_its_numbers(
    redis: Redis,
) -> None:
    settings = Settings()
    now_ms = 1_800_000_000_000
    journal = Journal(redis, settings, clock=lambda: now_ms)

    def postpone(event_id: str) -> None:
        journal.tick("worker", 2, [])
        journal.accept([(event_id, b"{}")])
        journal.claim("wakeup", event_id, 1)
        attempt = Attempt(at_ms=now_ms, call="sale", outcome_class="unsent", detail="http_503")
        finish = Finish(
            event_id=event_id,
            lease=event_id,
            move=Move.POSTPONED,
            delay_ms=60_000,
            attempts=(attempt,),
        )
        journal.finish([finish])

    postpone("before")
    # The worker went silent, so after the first step `refusal` is called.
    now_ms += STUCK_MS
    status = read_status(journal, settings, lambda: postpone("meanwhile"))
    assert journal.tried_before(now_ms + 1) == 2
    assert status.snapshot.tried == status.horizon_by == 1
