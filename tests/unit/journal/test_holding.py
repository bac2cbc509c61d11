"""When deliveries are held, what goes through meanwhile, and how it ends."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import fakeredis
import pytest
import structlog

from config.settings import Settings
from tests.support.letters import deaths_of
from tests.support.wakeups import leave_a_wakeup, wakeups_of_accept
from worker.journal.breaker_state import Breaker, BreakerState, Cause
from worker.journal.journal import Journal
from worker.journal.records import (
    Attempt,
    ClaimedEvent,
    ClaimState,
    Finish,
    Finished,
    Move,
    Record,
    TaskState,
)
from worker.reasons import DeathReason

OPEN, HALF_OPEN, CLOSED = BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED

#: The class, status and detail of an answer.
ACCEPTED = ("accepted", 200, "accepted")
REJECTED = ("rejected", 400, "http_400")
FAILING = ("ambiguous", 503, "http_503")
FORBIDDEN = ("setup", 403, "http_403")
BUSY = ("throttled", 429, "http_429")

Answer = tuple[str, int, str]


@dataclass
class Bench:
    """A journal whose clock the test sets, and workers that finish events as the test says."""

    settings: Settings = field(
        default_factory=lambda: Settings(breaker_min_count=4, probe_max_seconds=60)
    )
    now_ms: int = 1_800_000_000_000
    lease: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.journal = Journal(redis, self.settings, clock=lambda: self.now_ms, shebang=False)
        leave_a_wakeup(self.journal)

    def accept(self, *names: str) -> int:
        self.journal.tick("worker", 4, [])
        return wakeups_of_accept(self.journal, [(name, b"{}") for name in names])

    def wait(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    def claim(self, limit: int = 10, *, task: TaskState = TaskState.ENDING) -> list[ClaimedEvent]:
        self.lease += 1
        self.journal.tick("worker", 4, [])
        claim = self.journal.claim("wakeup", f"lease-{self.lease}", limit, task=task)
        self.state, self.wait_ms = claim.state, claim.wait_ms
        return list(claim.events)

    def finish_one(self, event: ClaimedEvent, answer: Answer, **fields: Any) -> Finished:
        """Finish an event as a worker does after an answer; fields replace what it would report."""
        (finished,) = self.finish([self.finish_of(event, answer, **fields)])
        return finished

    def finish(self, finishes: Iterable[Finish]) -> list[Finished]:
        """Finish events in one step."""
        return [*self.journal.finish([*finishes])]

    def finish_of(self, event: ClaimedEvent, answer: Answer, **fields: Any) -> Finish:
        name, status, detail = answer
        attempt = Attempt(
            at_ms=self.now_ms, call="sale", outcome_class=name, detail=detail, status=status
        )
        move = {"accepted": Move.DELIVERED, "rejected": Move.DEAD}.get(name, Move.POSTPONED)
        usual: dict[str, Any] = {
            "move": move,
            "reason": DeathReason.REJECTED if move is Move.DEAD else None,
            "delay_ms": 30_000 if move is Move.POSTPONED else None,
            "attempts": (attempt,),
        }
        return Finish(event_id=event.event_id, lease=event.lease, **{**usual, **fields})

    def deliver(self, *answers: Answer) -> list[Finished]:
        """Accept, claim and finish an event for each answer."""
        names = [f"event-{self.number + index}" for index in range(len(answers))]
        self.number += len(names)
        self.accept(*names)
        fresh = [event for event in self.claim(1000) if event.event_id in names]
        return self.finish(map(self.finish_of, fresh, answers))

    @property
    def breaker(self) -> Breaker:
        return self.journal.snapshot().breaker

    def counter(self, name: str) -> int:
        return self.journal.snapshot().counters.get(name, 0)

    def record(self, name: str) -> Record:
        record = self.journal.look(name).record
        assert record is not None
        return record

    def place(self, name: str) -> str:
        return self.journal.look(name).place


@pytest.fixture
def bench() -> Bench:
    return Bench()


def opened(bench: Bench) -> None:
    """Open the breaker by failures."""
    bench.deliver(*[FAILING] * 4)
    assert bench.breaker.state is OPEN


def test_a_row_of_failures_opens_it_however_many_successes_came_before(bench: Bench) -> None:
    """So an outage is noticed at once under load, and finally with hardly any load too."""
    for _ in range(5):
        bench.deliver(*[ACCEPTED] * 8)
    bench.deliver(FAILING, FAILING)
    bench.wait(3600)
    bench.deliver(FAILING)
    assert bench.breaker.state is CLOSED
    with structlog.testing.capture_logs() as logs:
        bench.deliver(FAILING)
    breaker = bench.breaker
    assert (breaker.state, breaker.cause, breaker.detail) == (OPEN, Cause.FAILURES, "http_503")
    assert breaker.since_ms == bench.now_ms
    assert [line["action"] for line in logs] == ["breaker_opened"]
    assert bench.counter("breaker_opened:failures") == 1


@pytest.mark.parametrize("least", [2, 3, 20, 1_000, 10_000])
def test_it_opens_at_the_number_of_failures_that_the_setting_names(least: int) -> None:
    bench = Bench(Settings(breaker_min_count=least))
    bench.accept(*[f"event-{index}" for index in range(least)])
    finishes = [
        bench.finish_of(event, FAILING) for _ in range(0, least, 500) for event in bench.claim(500)
    ]
    almost = int(least * 0.97)
    for begin in range(0, almost, 500):
        bench.finish(finishes[begin : min(begin + 500, almost)])
    assert bench.breaker.state is CLOSED
    bench.finish(finishes[almost:])
    assert bench.breaker.state is OPEN


def test_a_small_share_of_failures_holds_nothing(bench: Bench) -> None:
    for _ in range(5):
        bench.deliver(ACCEPTED, ACCEPTED, REJECTED, FAILING)
    assert bench.breaker.state is CLOSED


def test_a_slow_stream_of_which_most_events_fail_is_held(bench: Bench) -> None:
    """One event in two seconds, and four of five fail."""
    rounds = 0
    while bench.breaker.state is CLOSED:
        bench.deliver(ACCEPTED if rounds % 5 == 4 else FAILING)
        bench.wait(2)
        rounds += 1
    assert rounds < 60


def test_failures_of_calls_that_began_before_it_closed_do_not_count(bench: Bench) -> None:
    """Calls hang; the breaker opens and closes meanwhile; then they all time out together."""
    bench.accept(*[f"hangs-{index}" for index in range(6)])
    hanging = bench.claim()
    opened(bench)
    bench.accept("probe")
    bench.wait(1)
    (probe,) = bench.claim()
    bench.finish_one(probe, ACCEPTED)
    assert bench.breaker.state is CLOSED
    bench.wait(5)
    for event in hanging:
        assert bench.finish_one(event, FAILING) is Finished.MOVED
    assert bench.breaker.state is CLOSED
    bench.wait(bench.settings.lease_seconds)
    bench.deliver(*[FAILING] * 4)
    assert bench.breaker.state is OPEN


def test_while_it_is_open_events_are_accepted_but_no_worker_is_woken_or_gets_any(
    bench: Bench,
) -> None:
    opened(bench)
    bench.journal.release("wakeup", [])
    assert bench.accept("fresh") == 0
    assert bench.place("fresh") == "due"
    assert bench.claim() == []
    assert bench.state is ClaimState.HELD
    assert bench.journal.tick("worker", 4, ["token"]) == []


def test_an_event_in_flight_when_it_opened_is_due_again_without_a_counted_retry(
    bench: Bench,
) -> None:
    answers = bench.deliver(*[FAILING] * 6)
    assert answers == [Finished.MOVED] * 4 + [Finished.HELD] * 2
    held = bench.record("event-5")
    assert (held.postponed, held.attempts) == (0, 1)
    assert bench.place("event-5") == "due"


def test_one_probe_at_a_time_each_another_event(bench: Bench) -> None:
    opened(bench)
    bench.accept("one", "two", "three")
    bench.wait(1)
    assert bench.journal.tick("worker", 4, ["token"]) == ["token"]
    seen = []
    for _ in range(3):
        (probe,) = bench.claim()
        assert bench.breaker.state is HALF_OPEN
        assert bench.claim() == []
        assert bench.finish_one(probe, FAILING) is Finished.HELD
        seen.append(probe.event_id)
        assert bench.claim() == []
        bench.wait(60)
    assert len(set(seen)) == 3
    assert seen[0] == "one", "the oldest, then from both ends by turns"
    assert bench.record("one").postponed == 0


def test_the_wait_between_probes_doubles_up_to_its_bound(bench: Bench) -> None:
    opened(bench)
    bench.wait(1)
    bench.accept(*[f"next-{number}" for number in range(8)])
    waits = []
    for _ in range(8):
        (probe,) = bench.claim()
        bench.finish_one(probe, FAILING)
        probe_at_ms = bench.breaker.probe_at_ms
        assert probe_at_ms is not None
        waits.append((probe_at_ms - bench.now_ms) // 1000)
        bench.now_ms = probe_at_ms
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_probe_that_passes_closes_it_and_the_backlog_goes_oldest_first(bench: Bench) -> None:
    opened(bench)
    for name in ("first", "second", "third"):
        bench.wait(1)
        bench.accept(name)
    (probe,) = bench.claim()
    assert probe.event_id == "first"
    with structlog.testing.capture_logs() as logs:
        bench.finish_one(probe, ACCEPTED)
    assert [line["action"] for line in logs] == ["breaker_closed"]
    assert bench.breaker.state is CLOSED
    assert [event.event_id for event in bench.claim()] == ["second", "third"]


def test_a_rejected_probe_shows_that_convertro_is_well(bench: Bench) -> None:
    opened(bench)
    bench.accept("bad")
    bench.wait(1)
    (probe,) = bench.claim()
    assert bench.finish_one(probe, REJECTED) is Finished.MOVED
    assert bench.breaker.state is CLOSED
    assert bench.place("bad") == "dead"


def test_after_a_probe_that_sent_no_request_the_next_one_goes_at_once(bench: Bench) -> None:
    opened(bench)
    bench.accept("skipped", "next")
    bench.wait(1)
    (probe,) = bench.claim()
    bench.finish_one(probe, ACCEPTED, move=Move.SKIPPED, reason="unmapped_event", attempts=())
    assert bench.breaker.state is OPEN
    assert len(bench.claim()) == 1


def test_after_a_probe_whose_worker_died_the_next_one_goes_when_its_lease_ends(
    bench: Bench,
) -> None:
    opened(bench)
    bench.accept("one", "two")
    bench.wait(1)
    bench.claim()
    bench.wait(bench.settings.lease_seconds)
    assert bench.breaker.state is OPEN
    assert len(bench.claim()) == 1


def test_an_answer_about_the_setup_counts_as_a_quarter_of_the_failures_that_open_it() -> None:
    bench = Bench(Settings(breaker_min_count=20))
    bench.deliver(*[ACCEPTED] * 50)
    bench.deliver(*[FORBIDDEN] * 3)
    assert bench.breaker.state is CLOSED
    bench.deliver(FORBIDDEN)
    assert (bench.breaker.cause, bench.breaker.detail) == (Cause.SETUP, "http_403")


def test_a_single_event_that_is_always_refused_does_not_hold_the_others(bench: Bench) -> None:
    """A firewall refuses its text: 403 for this one, 200 for all others."""
    bench.accept("disliked")
    for _ in range(20):
        for event in bench.claim():
            bench.finish_one(event, FORBIDDEN if event.event_id == "disliked" else ACCEPTED)
        assert bench.breaker.state is CLOSED
        bench.wait(31)
        bench.accept(f"other-{bench.now_ms}", f"another-{bench.now_ms}")
    assert bench.record("disliked").postponed == 20


def test_two_answers_with_retry_after_open_it_for_the_time_they_name() -> None:
    bench = Bench(Settings(breaker_min_count=20))
    bench.accept("first", "second", "other")
    other, first, second = sorted(bench.claim(), key=lambda event: event.event_id != "other")
    assert bench.finish_one(first, BUSY, retry_after_ms=90_000) is Finished.MOVED
    assert bench.breaker.state is CLOSED
    assert bench.finish_one(second, BUSY, retry_after_ms=90_000) is Finished.HELD
    assert bench.record(second.event_id).postponed == 0
    assert bench.breaker.cause is Cause.THROTTLED
    bench.finish_one(other, ACCEPTED)
    bench.accept("third")
    bench.wait(89)
    assert bench.claim() == []
    bench.wait(1)
    (probe,) = bench.claim()
    bench.finish_one(probe, ACCEPTED)
    assert bench.claim() != []


def test_a_single_event_with_retry_after_waits_by_itself(bench: Bench) -> None:
    bench.accept("limited")
    for _ in range(20):
        for event in bench.claim():
            if event.event_id == "limited":
                assert bench.finish_one(event, BUSY, retry_after_ms=2_000) is Finished.MOVED
            else:
                bench.finish_one(event, ACCEPTED)
        assert bench.breaker.state is CLOSED
        bench.wait(31)
        bench.accept(f"other-{bench.now_ms}", f"another-{bench.now_ms}")


def test_an_answer_that_all_events_get_holds_them_instead_of_burying_them(bench: Bench) -> None:
    """Every call is answered 400, as after a change of the mapping."""
    assert bench.deliver(*[REJECTED] * 6) == [Finished.MOVED] * 3 + [Finished.HELD] * 3
    assert (bench.breaker.cause, bench.breaker.detail) == (Cause.BURIALS, "rejected http_400")
    assert bench.journal.snapshot().dead == 3
    bench.wait(1)
    (probe,) = bench.claim()
    assert bench.finish_one(probe, REJECTED) is Finished.HELD
    assert bench.breaker.state is OPEN
    bench.wait(2)
    (probe,) = bench.claim()
    bench.finish_one(probe, ACCEPTED)
    assert bench.breaker.state is CLOSED


def test_a_row_of_burials_holds_deliveries_however_many_successes_came_before(
    bench: Bench,
) -> None:
    for _ in range(5):
        bench.deliver(*[ACCEPTED] * 8)
    assert bench.deliver(*[REJECTED] * 6) == [Finished.MOVED] * 3 + [Finished.HELD] * 3
    assert bench.breaker.cause is Cause.BURIALS


def test_one_poisonous_event_among_good_ones_is_buried_as_usual(bench: Bench) -> None:
    for _ in range(10):
        assert bench.deliver(ACCEPTED, ACCEPTED, REJECTED, ACCEPTED)[2] is Finished.MOVED
    assert bench.counter("dead:rejected") == 10


def test_a_fault_of_ours_in_every_event_holds_them_too(bench: Bench) -> None:
    bench.accept(*[f"event-{index}" for index in range(6)])
    for event in bench.claim():
        bench.finish_one(
            event, ACCEPTED, move=Move.DEAD, reason=DeathReason.UNEXPECTED_ERROR, attempts=()
        )
    assert (bench.breaker.cause, bench.breaker.detail) == (Cause.BURIALS, "unexpected_error")
    assert bench.journal.snapshot().dead == 3


def test_an_operator_may_have_them_buried_all_the_same(bench: Bench) -> None:
    bench.deliver(*[REJECTED] * 6)
    assert bench.journal.resume(bury_seconds=600).is_open is False
    assert bench.deliver(*[REJECTED] * 9) == [Finished.MOVED] * 9
    bench.wait(600)
    assert bench.deliver(*[REJECTED] * 9)[-1] is Finished.HELD


def test_what_the_last_probe_got_is_why_deliveries_are_held_now(bench: Bench) -> None:
    opened(bench)
    bench.accept("one", "two")
    bench.wait(1)
    (probe,) = bench.claim()
    bench.finish_one(probe, FORBIDDEN)
    assert (bench.breaker.cause, bench.breaker.detail) == (Cause.SETUP, "http_403")


def test_events_outlive_a_convertro_that_fails_for_four_in_ten(bench: Bench) -> None:
    chance = random.Random(1)
    for number in range(60):
        bench.accept(*[f"event-{number}-{index}" for index in range(10)])
        bench.finish(
            bench.finish_of(event, FAILING if chance.random() < 0.4 else ACCEPTED)
            for event in bench.claim(limit=100)
        )
        bench.wait(16)
    assert bench.journal.snapshot().dead == 0


def test_the_only_event_there_is_is_probed_by_its_schedule_and_no_faster(bench: Bench) -> None:
    bench.accept("alone")
    sent = 0
    for _ in range(400):
        for event in bench.claim():
            bench.finish_one(event, FORBIDDEN)
            sent += 1
        bench.wait(1)
    assert sent > 5
    assert sent <= 400 / 30 + 3


def test_no_horizon_of_a_redriven_event_ends_while_deliveries_are_held(bench: Bench) -> None:
    bench.accept("a-letter")
    (event,) = bench.claim()
    bench.finish_one(event, REJECTED)
    bench.deliver(*[FAILING] * 4)
    bench.journal.redrive(deaths_of(bench.journal, "a-letter"))
    bench.wait(60)
    (probe,) = (event for event in bench.claim() if event.event_id == "a-letter")
    assert (
        bench.finish_one(probe, FAILING, move=Move.DEAD, reason=DeathReason.RETRIES_EXHAUSTED)
        is Finished.HELD
    )


def test_redriven_events_that_are_rejected_again_do_not_hold_the_others(bench: Bench) -> None:
    """An operator redrives a thousand rejected events, and they are rejected again."""
    names = [f"bad-{index}" for index in range(9)]
    for name in names:
        bench.deliver(*[ACCEPTED] * 4)
        bench.accept(name)
        for event in bench.claim():
            bench.finish_one(event, REJECTED)
    bench.journal.redrive(deaths_of(bench.journal, *names))
    for event in bench.claim():
        assert bench.finish_one(event, REJECTED) is Finished.MOVED
    assert bench.breaker.state is CLOSED
    assert bench.journal.snapshot().dead == 9


def test_after_a_probe_that_met_a_fault_of_ours_the_next_one_waits(bench: Bench) -> None:
    opened(bench)
    bench.accept("one", "two")
    bench.wait(1)
    (probe,) = bench.claim()
    held = bench.finish_one(
        probe, FAILING, move=Move.DEAD, reason=DeathReason.UNEXPECTED_ERROR, attempts=()
    )
    assert held is Finished.HELD
    assert bench.claim() == []


def test_events_that_no_rule_can_help_never_hold_the_others(bench: Bench) -> None:
    """Missing device ids are the source's fault."""
    bench.accept(*[f"event-{index}" for index in range(10)])
    for event in bench.claim():
        bench.finish_one(
            event, ACCEPTED, move=Move.DEAD, reason=DeathReason.MISSING_DEVICE_ID, attempts=()
        )
    assert bench.breaker.state is CLOSED
    assert bench.journal.snapshot().dead == 10


def test_no_horizon_ends_while_deliveries_are_held(bench: Bench) -> None:
    opened(bench)
    bench.accept("old")
    bench.wait(1)
    (probe,) = bench.claim()
    assert (
        bench.finish_one(probe, FAILING, move=Move.DEAD, reason=DeathReason.RETRIES_EXHAUSTED)
        is Finished.HELD
    )
    assert bench.place("old") == "due"


def test_it_waits_longer_if_it_opens_again_soon_after_it_closed(bench: Bench) -> None:
    def first_wait_ms() -> int:
        opened(bench)
        return (bench.breaker.probe_at_ms or 0) - bench.now_ms

    def close() -> None:
        bench.wait(2)
        for event in bench.claim():
            bench.finish_one(event, ACCEPTED)
        assert bench.breaker.state is CLOSED

    waits = [first_wait_ms()]
    bench.accept("one")
    close()
    waits.append(first_wait_ms())
    bench.accept("two")
    close()
    bench.wait(61)
    waits.append(first_wait_ms())
    assert waits == [1_000, 2_000, 1_000]


def test_a_clock_that_was_set_back_holds_nothing_for_longer(bench: Bench) -> None:
    opened(bench)
    bench.accept("one", "two")
    bench.wait(1)
    assert len(bench.claim()) == 1, "a probe, which is out now"
    bench.wait(-7_200)
    bench.accept("three")
    assert len(bench.claim()) == 1


def test_a_pause_holds_everything_until_it_is_resumed(bench: Bench) -> None:
    bench.accept("before")
    (event,) = bench.claim()
    assert bench.journal.pause("the vendor migrates") is True
    assert bench.journal.pause("again") is False
    assert bench.finish_one(event, FAILING) is Finished.HELD
    assert bench.record("before").postponed == 0
    bench.accept("after")
    assert bench.claim() == []
    pause = bench.journal.snapshot().pause
    assert pause is not None
    assert (pause.since_ms, pause.reason) == (bench.now_ms, "the vendor migrates")
    assert bench.journal.resume().was_paused is True
    assert [event.event_id for event in bench.claim()] == ["after", "before"]


def test_resume_lets_an_open_breaker_probe_at_once(bench: Bench) -> None:
    opened(bench)
    bench.accept("event")
    resumed = bench.journal.resume()
    assert (resumed.was_paused, resumed.is_open) == (False, True)
    assert len(bench.claim()) == 1


# Fresh events, and the rate of requests


def test_fresh_events_get_a_quarter_of_each_claim_while_a_backlog_drains(bench: Bench) -> None:
    for number in range(40):
        bench.now_ms += 4
        bench.accept(f"event-{number:02}")
    names = [event.event_id for event in bench.claim(limit=8)]
    assert names == [
        *("event-00", "event-01", "event-02", "event-03", "event-04", "event-05"),
        *("event-39", "event-38"),
    ]


def test_the_rate_of_requests_is_shared_by_all_and_counts_what_was_really_sent() -> None:
    bench = Bench(Settings(max_requests_per_second=10))
    bench.accept(*[f"event-{number:02}" for number in range(30)])
    first = bench.claim(limit=32)
    assert len(first) == 10, "one second's worth at once"
    assert bench.claim(limit=32) == []
    assert (bench.state, bench.wait_ms) == (ClaimState.CLAIMED, 100)
    bench.wait(0.5)
    assert len(bench.claim(limit=32)) == 5
    # An event without a request gives its share back; one with three requests uses two more.
    bench.finish_one(first[0], ACCEPTED, move=Move.SKIPPED, reason="unmapped_event", attempts=())
    assert len(bench.claim(limit=32)) == 1
    attempt = Attempt(at_ms=0, call="sale", outcome_class="accepted", detail="x")
    bench.finish_one(first[1], ACCEPTED, attempts=(attempt,) * 3)
    bench.wait(0.2)
    assert bench.claim(limit=32) == []


def test_without_a_rate_nothing_is_kept_about_it(bench: Bench) -> None:
    bench.deliver(ACCEPTED)
    assert bench.journal._redis.exists("{convertro}:pace") == 0


# Poison


def lost(bench: Bench) -> list[str]:
    """Claim events, and let the lease run out; return their ids."""
    names = [event.event_id for event in bench.claim()]
    bench.wait(bench.settings.lease_seconds)
    return names


def test_an_event_that_ended_three_workers_is_buried_as_poison(bench: Bench) -> None:
    bench.accept("poison")
    assert [lost(bench) for _ in range(3)] == [["poison"]] * 3
    assert lost(bench) == []
    record = bench.record("poison")
    assert (record.reason, record.leases_lost) == ("poison", 3)
    assert record.in_doubt == {"*": 3}
    assert bench.counter("leases_lost") == 3


def test_a_claim_reports_what_was_buried_as_poison(bench: Bench) -> None:
    bench.accept("poison")
    for _ in range(3):
        lost(bench)
    bench.journal.tick("worker", 4, [])
    claim = bench.journal.claim("wakeup-9", "lease-9", 10)
    assert (claim.events, claim.poisoned) == ((), ("poison",))
    assert bench.journal.claim("wakeup-9", "lease-9", 10).poisoned == ()


def test_events_in_the_same_process_are_not_buried_with_it(bench: Bench) -> None:
    """All are lost together twice; then each is delivered alone."""
    names = ["innocent-1", "innocent-2", "poison"]
    bench.accept(*names)
    assert lost(bench) == names
    assert lost(bench) == names
    for name in names[:2]:
        (event,) = bench.claim()
        assert event.is_suspect
        assert event.event_id == name
        bench.finish_one(event, ACCEPTED)
    assert lost(bench) == ["poison"]
    assert lost(bench) == []
    assert bench.counter("dead:poison") == 1
    assert bench.counter("delivered") == 2


def test_a_container_that_dies_of_one_buries_at_most_one_for_each_process(bench: Bench) -> None:
    names = [f"event-{index}" for index in range(8)]
    bench.accept(*names)
    assert sorted(lost(bench)) == names
    assert sorted(lost(bench)) == names
    (first,), (second,) = bench.claim(), bench.claim()
    bench.wait(61)
    poisoned = {first.event_id, second.event_id}
    for _ in range(6):
        (event,) = bench.claim()
        bench.finish_one(event, ACCEPTED)
    assert bench.claim() == []
    assert {letter.event_id for letter in bench.journal.dead_letters()} == poisoned


def test_a_suspect_waits_for_a_process_that_has_nothing_else_in_flight(bench: Bench) -> None:
    bench.accept("suspect")
    lost(bench)
    lost(bench)
    assert bench.claim(task=TaskState.BUSY) == []
    assert bench.state is ClaimState.CLAIMED
    assert len(bench.claim()) == 1


def test_an_event_that_survives_a_delivery_is_no_longer_a_suspect(bench: Bench) -> None:
    bench.accept("event")
    lost(bench)
    lost(bench)
    (event,) = bench.claim()
    bench.finish_one(event, FAILING)
    assert bench.record("event").leases_lost == 0


# Doubt


def test_what_may_have_been_delivered_is_told_from_what_surely_was_not(bench: Bench) -> None:
    bench.accept("doubtful", "sure")
    doubtful, sure = bench.claim()
    bench.finish_one(doubtful, FAILING)
    bench.finish_one(sure, ("unsent", 0, "no_connection"))
    assert bench.record("doubtful").in_doubt == {"sale": 1}
    assert bench.record("sure").in_doubt == {}


def test_an_accepted_call_is_in_doubt_no_more(bench: Bench) -> None:
    bench.accept("event")
    (event,) = bench.claim()
    bench.finish_one(event, FAILING, move=Move.KEPT, delay_ms=None, accepted=["sale.new"])
    assert bench.record("event").in_doubt == {"sale": 1}
    bench.finish_one(event, ACCEPTED, move=Move.KEPT, accepted=["sale"])
    assert bench.record("event").in_doubt == {}


def test_a_redrive_clears_doubt_until_a_new_ambiguous_attempt(bench: Bench) -> None:
    bench.accept("event")
    (event,) = bench.claim()
    bench.finish_one(event, FAILING, move=Move.DEAD, reason="ambiguous")
    assert bench.record("event").may_have_been_sent("sale")
    bench.journal.redrive(deaths_of(bench.journal, "event"))
    assert not bench.record("event").may_have_been_sent("sale")
    (event,) = bench.claim()
    bench.finish_one(event, FAILING)
    assert bench.record("event").may_have_been_sent("sale")


def test_events_handed_back_by_a_stopping_worker_do_not_count_as_failures(bench: Bench) -> None:
    """The attempt may have failed because the worker had no more time."""
    names = [f"event-{number}" for number in range(20)]
    bench.accept(*names)
    for event in bench.claim(20):
        bench.finish_one(event, FAILING, move=Move.RETURNED, delay_ms=None)
    assert bench.breaker.state is BreakerState.CLOSED
    assert bench.journal._redis.hgetall("{convertro}:breaker") == {}
