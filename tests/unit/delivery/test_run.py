"""The deliver task keeps a bounded number in flight and writes everything back."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from threading import Event, Lock

import pytest
import structlog

from config.settings import Settings
from tests.support.fakes import FailTimes, FakeAnnouncer, FakeJournal, claimed
from tests.support.waiting import until
from worker.delivery import run as delivery_run
from worker.delivery.run import DeliveryRun
from worker.delivery.threads import EventThreads, Outbox
from worker.journal.records import Attempt, Burial, ClaimedEvent, ClaimState, Finish, Finished, Move
from worker.process.flower import Announce, announce_nothing
from worker.process.outage import Outage

SETTINGS = Settings(concurrency=4, shutdown_seconds=0)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_run, "JOURNAL_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(delivery_run, "_BUSY_SECONDS", 0.05)


def events(number: int) -> "deque[ClaimedEvent]":
    return deque(claimed(b"{}", event_id=f"event-{index}") for index in range(number))


def delivered(event: ClaimedEvent) -> Finish:
    return Finish(event_id=event.event_id, lease=event.lease, move=Move.DELIVERED)


class Threads:
    """Delivers each event in a thread."""

    def __init__(self, deliver: Callable[[ClaimedEvent], Finish | None], size: int) -> None:
        self._deliver = deliver
        self._threads = EventThreads(size)

    def submit(self, events: Sequence[ClaimedEvent], outbox: Outbox) -> None:
        for event in events:
            self._threads.submit(event, outbox, partial(self._deliver, event))


def run_of(
    journal: FakeJournal,
    deliver: Callable[[ClaimedEvent], Finish | None] = delivered,
    stopping: Callable[[], bool] = lambda: False,
    settings: Settings = SETTINGS,
    announce: Announce = announce_nothing,
) -> DeliveryRun:
    return DeliveryRun(
        journal=journal,
        loop=Threads(deliver, settings.concurrency),
        settings=settings,
        wakeup="token",
        stopping=stopping,
        outage=Outage("journal"),
        announce=announce,
    )


def test_it_delivers_what_is_due_and_gives_its_token_back() -> None:
    journal = FakeJournal(events(10))
    run = run_of(journal)
    assert run.run() is False
    assert sorted(finish.event_id for finish in journal.finishes) == sorted(
        event.event_id for event in events(10)
    )
    assert run.summary.as_dict() == {"claimed": 10, "delivered": 10}


def test_it_never_has_more_in_flight_than_its_concurrency() -> None:
    lock, in_flight, most = Lock(), 0, 0

    def deliver(event: ClaimedEvent) -> Finish:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        with lock:
            in_flight -= 1
        return delivered(event)

    journal = FakeJournal(events(50))
    run_of(journal, deliver).run()
    assert most <= SETTINGS.concurrency
    assert max(journal.limits) == SETTINGS.concurrency
    assert len(journal.finishes) == 50


def test_it_ends_at_once_if_enough_others_run() -> None:
    run = run_of(FakeJournal(events(3), state=ClaimState.SURPLUS))
    assert run.run() is True
    assert run.summary.as_dict() == {}


def test_it_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_run, "TASK_SECONDS", 0.1)
    journal = FakeJournal(events(3))
    run = run_of(journal)
    numbers = count()

    def work_without_end() -> None:
        journal.events.append(claimed(b"{}", event_id=f"more-{next(numbers)}"))

    journal.before = work_without_end
    assert run.run() is True
    assert run.summary.delivered == run.summary.claimed > 3


def test_it_goes_on_when_the_journal_is_back() -> None:
    journal = FakeJournal(events(3), before=FailTimes(5))
    with structlog.testing.capture_logs() as logs:
        assert run_of(journal).run() is False
    assert len(journal.finishes) == 3
    told = [line["action"] for line in logs if line["log_level"] != "debug"]
    assert told == ["journal_unavailable", "journal_back"]


def test_what_could_not_be_written_is_written_later() -> None:
    journal = FakeJournal(events(3))

    def deliver(event: ClaimedEvent) -> Finish:
        journal.before = FailTimes(3)
        return delivered(event)

    run = run_of(journal, deliver)
    assert run.run() is False
    assert run.summary.delivered == 3
    assert {finish.event_id for finish in journal.finishes} == {"event-0", "event-1", "event-2"}


def test_a_stopping_worker_claims_nothing_more() -> None:
    journal = FakeJournal(events(3))
    assert run_of(journal, stopping=lambda: True).run() is True
    assert journal.limits == []


def test_a_stopping_worker_hands_back_what_does_not_end() -> None:
    stop, never = Event(), Event()

    def deliver(event: ClaimedEvent) -> Finish | None:
        stop.set()
        never.wait()
        return None

    journal = FakeJournal(events(2))
    run = run_of(journal, deliver, stopping=stop.is_set)
    assert run.run() is True
    assert [finish.move for finish in journal.finishes] == [Move.RETURNED, Move.RETURNED]
    assert {finish.attempts[0].detail for finish in journal.finishes} == {"interrupted"}
    assert run.summary.as_dict() == {"claimed": 2, "returned": 2}
    never.set()


@pytest.mark.parametrize("answer", [Finished.LOST, Finished.GONE])
def test_an_event_that_another_worker_took_over_is_counted_as_lost(answer: Finished) -> None:
    run = run_of(FakeJournal(events(2), answer=answer))
    run.run()
    assert run.summary.as_dict() == {"claimed": 2, "lost": 2}


def test_an_event_that_was_lost_between_two_calls_is_not_written() -> None:
    journal = FakeJournal(events(1))
    run = run_of(journal, lambda _event: None)
    run.run()
    assert journal.finishes == []
    assert run.summary.as_dict() == {"claimed": 1, "lost": 1}


def test_a_thread_that_fails_does_not_stop_the_run() -> None:
    def deliver(event: ClaimedEvent) -> Finish:
        if event.event_id == "event-0":
            raise SystemExit
        return delivered(event)

    journal = FakeJournal(events(10))
    run = run_of(journal, deliver)
    assert run.run() is False
    assert run.summary.as_dict() == {"claimed": 10, "delivered": 9, "lost": 1}


def test_an_event_that_outlasts_its_lease_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_run, "TASK_SECONDS", 0.1)
    never = Event()

    def deliver(event: ClaimedEvent) -> Finish | None:
        if event.event_id == "event-0":
            never.wait()
        return delivered(event)

    settings = SETTINGS.model_copy(update={"lease_seconds": 0.2})
    run = run_of(FakeJournal(events(3)), deliver, settings=settings)
    assert run.run() is True
    assert run.summary.as_dict() == {"claimed": 3, "delivered": 2, "lost": 1}
    never.set()


def test_a_finish_whose_answer_was_lost_does_not_count_as_lost() -> None:
    """The journal carried it out and the answer was lost, so the event is gone the second time."""
    journal = FakeJournal(events(1))

    def deliver(event: ClaimedEvent) -> Finish:
        journal.before = FailTimes(1)
        journal.answer = Finished.GONE
        return delivered(event)

    run = run_of(journal, deliver)
    run.run()
    assert run.summary.as_dict() == {"claimed": 1, "delivered": 1}


def test_a_suspect_is_delivered_alone_in_its_process() -> None:
    journal = FakeJournal(deque([claimed(b"{}", event_id="suspect", leases_lost=2)]))
    limits_while_in_flight: list[int] = []

    def deliver(event: ClaimedEvent) -> Finish:
        if event.event_id == "suspect":
            asked = len(journal.limits)
            until(lambda: len(journal.limits) >= asked + 2)
            limits_while_in_flight.extend(journal.limits[asked:])
            journal.events += events(2)
        return delivered(event)

    run = run_of(journal, deliver)
    assert run.run() is False
    assert set(limits_while_in_flight) == {0}
    assert run.summary.delivered == 3


def test_a_run_ends_while_deliveries_are_held() -> None:
    run = run_of(FakeJournal(events(3), state=ClaimState.HELD))
    assert run.run() is True
    assert run.summary.as_dict() == {}


def test_what_the_journal_held_is_counted() -> None:
    run = run_of(FakeJournal(events(2), answer=Finished.HELD))
    run.run()
    assert run.summary.as_dict() == {"claimed": 2, "held": 2}


def dead(event: ClaimedEvent) -> Finish:
    attempt = Attempt(at_ms=1, call="sale", outcome_class="rejected", detail="http_400")
    return Finish(
        event_id=event.event_id,
        lease=event.lease,
        move=Move.DEAD,
        reason="rejected",
        attempts=(attempt,),
    )


def test_burials_are_announced_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full process finishes events as soon as half have ended: here four; the others wait."""
    monkeypatch.setattr(delivery_run, "_CROWDED_PACE_SECONDS", 600.0)
    announcer = FakeAnnouncer()

    def deliver(event: ClaimedEvent) -> Finish:
        if event.event_id >= "event-4":
            until(lambda: announcer.told)
        return dead(event)

    settings = SETTINGS.model_copy(update={"concurrency": 8})
    run_of(FakeJournal(events(8)), deliver, settings=settings, announce=announcer).run()
    first, *_ = announcer.told
    assert sorted(first, key=lambda burial: burial.event_id) == [
        Burial(f"event-{number}", "rejected", "http_400") for number in range(4)
    ]
    assert sum(map(len, announcer.told)) == 8


@pytest.mark.parametrize("answer", [Finished.HELD, Finished.LOST, Finished.GONE])
def test_what_was_not_buried_is_not_announced(answer: Finished) -> None:
    announcer = FakeAnnouncer()
    run_of(FakeJournal(events(2), answer=answer), dead, announce=announcer).run()
    assert announcer.told == []


def test_poison_is_logged_and_announced_although_no_worker_finished_it() -> None:
    announcer = FakeAnnouncer()
    with structlog.testing.capture_logs() as logs:
        run_of(FakeJournal(poisoned=("event-9",)), announce=announcer).run()
    assert [(line["action"], line["reason"]) for line in logs] == [("event_dead", "poison")]
    assert announcer.told == [(Burial("event-9", "poison"),)]


def test_a_burial_is_announced_that_is_written_while_the_worker_stops() -> None:
    stop, announcer = Event(), FakeAnnouncer()

    def deliver(event: ClaimedEvent) -> Finish:
        stop.set()
        return dead(event)

    settings = SETTINGS.model_copy(update={"shutdown_seconds": 60})
    run_of(
        FakeJournal(events(1)), deliver, stop.is_set, settings=settings, announce=announcer
    ).run()
    assert announcer.told == [(Burial("event-0", "rejected", "http_400"),)]


def test_a_step_is_short_however_many_events_are_in_flight() -> None:
    journal = FakeJournal(events(300))
    run = run_of(journal, settings=SETTINGS.model_copy(update={"concurrency": 1_000}))
    run.run()
    assert len(journal.finishes) == 300
    assert max(journal.groups + journal.limits) == 64
