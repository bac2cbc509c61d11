"""Holding as a state machine: a Convertro with changing answers, workers, an operator, a clock.

It does not predict each step. It checks what must hold after any steps, and at the end that
everything drains once Convertro accepts all calls.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from config.settings import Settings
from tests.support.wakeups import leave_a_wakeup
from worker.journal.breaker_state import BreakerState
from worker.journal.journal import Journal
from worker.journal.records import (
    Attempt,
    ClaimedEvent,
    ClaimState,
    Finish,
    Finished,
    Move,
    TaskState,
)
from worker.reasons import DeathReason, Fault, SkipReason

LEASE_MS = 60_000

SETTINGS = Settings(
    concurrency=4,
    lease_seconds=LEASE_MS / 1000,
    breaker_min_count=3,
    probe_max_seconds=30,
)

IDS = st.sampled_from([f"event-{number}" for number in range(12)])

#: The class and status of an event's last attempt, and how its worker finishes it.
ROUNDS = st.sampled_from(
    [
        ("accepted", 200, Move.DELIVERED, None),
        ("accepted", 200, Move.KEPT, None),
        ("rejected", 400, Move.DEAD, DeathReason.REJECTED),
        ("unsent", None, Move.POSTPONED, None),
        ("ambiguous", 503, Move.POSTPONED, None),
        ("ambiguous", 500, Move.DEAD, DeathReason.RETRIES_EXHAUSTED),
        ("ambiguous", None, Move.DEAD, DeathReason.AMBIGUOUS),
        ("setup", 403, Move.POSTPONED, None),
        ("throttled", 429, Move.POSTPONED, None),
        (None, None, Move.SKIPPED, SkipReason.UNMAPPED_EVENT),
        (None, None, Move.DEAD, DeathReason.NO_IDENTITY),
        (None, None, Move.DEAD, DeathReason.UNEXPECTED_ERROR),
        (None, None, Move.RETURNED, None),
    ]
)

#: Reasons for which no event is buried while deliveries are held.
GUARDED = [reason for reason in DeathReason if reason.fault is Fault.ANYWHERE]

Round = tuple[str | None, int | None, Move, SkipReason | DeathReason | None]


class HoldingMachine(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_800_000_000_000
        self.journal = self.make_journal()
        leave_a_wakeup(self.journal)
        self.number = 0
        self.is_paused = False

    def make_journal(self) -> Journal:
        raise NotImplementedError

    def clock(self) -> int:
        return self.now_ms

    @rule(ids=st.lists(IDS, min_size=1, max_size=6, unique=True))
    def accept(self, ids: list[str]) -> None:
        self.journal.tick("worker", 10, [])
        before = self.journal.snapshot()
        new = self.journal.accept([(event_id, b"{}") for event_id in ids], offered=1)
        after = self.journal.snapshot()
        assert after.in_flight == before.in_flight + sum(new), "holding refuses nothing"
        if self.is_paused:
            assert after.wakeups <= before.wakeups, (
                "no worker is woken for events that may not be claimed"
            )

    @rule(target=claims, limit=st.integers(1, 4), task=st.sampled_from(TaskState))
    def claim(self, limit: int, task: TaskState) -> list[ClaimedEvent]:
        return self.claimed(limit, task)

    def claimed(self, limit: int, task: TaskState) -> list[ClaimedEvent]:
        self.number += 1
        self.journal.tick("worker", 10, [])
        before = self.journal.snapshot()
        claim = self.journal.claim("worker", f"lease-{self.number}", limit, task=task)
        if self.is_paused:
            assert claim.state is ClaimState.HELD
        if before.breaker.state is BreakerState.HALF_OPEN:
            assert claim.state is ClaimState.HELD, "one probe at a time"
        if before.breaker.state is BreakerState.OPEN:
            assert len(claim.events) <= 1
            probe_at_ms = before.breaker.probe_at_ms
            assert probe_at_ms is not None
            assert probe_at_ms <= self.now_ms or not claim.events
        return list(claim.events)

    @rule(
        claimed=claims,
        rounds=st.lists(ROUNDS, min_size=4, max_size=4),
        retry_after_ms=st.sampled_from([None, None, 20_000]),
    )
    def finish(
        self, claimed: list[ClaimedEvent], rounds: list[Round], retry_after_ms: int | None
    ) -> None:
        for event, said in zip(claimed, rounds, strict=False):
            self.finish_one(event, said, retry_after_ms)

    def finish_one(
        self, event: ClaimedEvent, said: Round, retry_after_ms: int | None = None
    ) -> Finished:
        outcome_class, status, move, reason = said
        attempts = [
            Attempt(
                at_ms=self.now_ms, call="sale", outcome_class=name, detail="told", status=status
            )
            for name in [outcome_class]
            if name
        ]
        before = self.journal.snapshot()
        record = self.journal.look(event.event_id).record
        (finished,) = self.journal.finish(
            [
                Finish(
                    event_id=event.event_id,
                    lease=event.lease,
                    move=move,
                    reason=reason,
                    delay_ms=30_000 if move is Move.POSTPONED else None,
                    retry_after_ms=retry_after_ms if outcome_class == "throttled" else None,
                    attempts=attempts,
                    accepted=["sale"] if outcome_class == "accepted" else [],
                )
            ]
        )
        after = self.journal.snapshot()
        if self.is_held(before) and self.is_held(after):
            for name in GUARDED:
                key = f"dead:{name}"
                assert after.counters.get(key, 0) == before.counters.get(key, 0), "none is buried"
            now = self.journal.look(event.event_id).record
            if record and now:
                assert now.postponed == record.postponed, "no retry is counted"
        return finished

    def is_held(self, snapshot: Any) -> bool:
        return self.is_paused or snapshot.breaker.state is not BreakerState.CLOSED

    @rule()
    def pause(self) -> None:
        assert self.journal.pause("why") is not self.is_paused
        self.is_paused = True

    @rule()
    def resume(self) -> None:
        assert self.journal.resume().was_paused is self.is_paused
        self.is_paused = False

    @rule(milliseconds=st.sampled_from([1, 500, 1_000, 5_000, 30_000, LEASE_MS]))
    def time_goes_on(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @invariant()
    def every_event_is_accounted_for(self) -> None:
        snapshot = self.journal.snapshot()
        assert snapshot.unaccounted == 0
        assert snapshot.stored == snapshot.in_flight + snapshot.dead
        assert not list(self.journal.inspect())
        assert (snapshot.pause is not None) is self.is_paused

    def teardown(self) -> None:
        """Let Convertro accept all calls from now on, and check that every event is finished."""
        self.journal.resume()
        self.is_paused = False
        for _ in range(200):
            if self.journal.snapshot().in_flight == 0:
                break
            self.now_ms += 2_000
            for event in self.claimed(4, TaskState.ENDING):
                self.finish_one(event, ("accepted", 200, Move.DELIVERED, None))
        snapshot = self.journal.snapshot()
        assert snapshot.in_flight == 0
        assert snapshot.unaccounted == 0
