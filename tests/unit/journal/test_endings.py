"""How an event finished, as ten bytes that the scripts write."""

from dataclasses import dataclass

import fakeredis
import pytest

from config.settings import Settings
from worker.journal.endings import (
    DELIVERED_LETTER,
    DISCARDED_LETTERS,
    SKIPPED_LETTERS,
    Ending,
    find_ending,
)
from worker.journal.journal import Journal
from worker.journal.reading import Sighting
from worker.journal.records import Finish, Move
from worker.reasons import DiscardReason, SkipReason

DAY_MS = 86_400_000

#: An id as odd as Segment allows, with more bits than the digest.
IDS = ("m1", "ä-\N{SNOWMAN}", "x" * 255, "8a4f1c2e-0001", "8a4f1c2e-0002")


@dataclass
class Bench:
    """A journal whose clock the test sets."""

    now_ms: int = 20_000 * DAY_MS

    def __post_init__(self) -> None:
        self.redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.journal = Journal(self.redis, Settings(), clock=lambda: self.now_ms, shebang=False)

    def finish(self, move: Move, *ids: str, reason: SkipReason | None = None) -> None:
        self.journal.accept([(name, b"{}") for name in ids])
        self.journal.tick("worker", 1, [])
        self.journal.claim("wakeup", "lease", 100)
        self.journal.finish(
            [Finish(event_id=name, lease="lease", move=move, reason=reason) for name in ids]
        )

    def ending(self, event_id: str) -> Ending | None:
        return self.journal.ending(event_id, self.journal.look(event_id))


def test_each_reason_has_a_letter_of_its_own() -> None:
    letters = [DELIVERED_LETTER, *SKIPPED_LETTERS.values(), *DISCARDED_LETTERS.values()]
    assert len({*letters}) == len(letters) == 1 + len(SkipReason) + len(DiscardReason)


def test_the_scripts_write_what_is_read() -> None:
    bench = Bench()
    bench.now_ms += 5_999
    bench.finish(Move.DELIVERED, *IDS)
    for event_id in IDS:
        assert bench.ending(event_id) == Ending("delivered", None, 20_000 * DAY_MS + 5_000)
    assert bench.journal.ending("nobody", bench.journal.look("nobody")) is None


@pytest.mark.parametrize("reason", SkipReason)
def test_why_an_event_was_skipped_is_known(reason: SkipReason) -> None:
    bench = Bench()
    bench.now_ms += DAY_MS - 1
    bench.finish(Move.SKIPPED, "m1", reason=reason)
    assert bench.ending("m1") == Ending("skipped", reason, 20_001 * DAY_MS - 1000)


def test_it_is_known_for_as_long_as_the_id_is_remembered() -> None:
    bench = Bench()
    bench.finish(Move.DELIVERED, "m1")
    bench.now_ms += 2 * DAY_MS - 1
    assert bench.ending("m1") == Ending("delivered", None, 20_000 * DAY_MS)
    bench.now_ms += 1
    assert bench.journal.look("m1") == Sighting(place="unknown")
    bench.journal.tick("worker", 1, [])
    assert bench.redis.keys("*endings:*") == []


def test_the_latest_of_an_event_that_came_again_counts() -> None:
    bench = Bench()
    bench.finish(Move.DELIVERED, "m1")
    bench.journal.erase(["m1"])
    bench.now_ms += 9_000
    bench.finish(Move.SKIPPED, "m1", reason=SkipReason.DISABLED)
    assert bench.ending("m1") == Ending("skipped", "disabled", bench.now_ms)


def test_bytes_that_only_look_like_a_digest_are_ignored() -> None:
    bench = Bench()
    bench.finish(Move.DELIVERED, "m1")
    (key,) = bench.redis.keys("*endings:*")
    (noted,) = bench.redis.lrange(key, 0, -1)
    shifted = b"?" * 4 + noted[:6] + noted[:6] + b"????"
    assert find_ending("m1", noted + shifted[:10] + b"?" * 10, 0) == Ending("delivered", None, 0)


def test_an_unknown_letter_of_a_later_version_is_no_fault() -> None:
    bench = Bench()
    bench.finish(Move.DELIVERED, "m1")
    (key,) = bench.redis.keys("*endings:*")
    (noted,) = bench.redis.lrange(key, 0, -1)
    assert find_ending("m1", noted[:9] + b"~", 0) == Ending("finished", None, 0)
