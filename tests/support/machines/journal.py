"""The journal as a state machine, compared with a model that is simple enough to read."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from config.settings import Settings
from tests.support.wakeups import leave_a_wakeup
from worker.journal.journal import Death, Journal
from worker.journal.records import (
    UNKNOWN_CALL,
    Attempt,
    ClaimedEvent,
    Erased,
    Finish,
    Finished,
    Move,
    SentCall,
    TaskState,
    Worth,
)
from worker.reasons import DeathReason, Note, SkipReason

LEASE_MS = 60_000
DEDUPE_MS = 86_400_000
DEAD_MAX_COUNT = 3
DEAD_MAX_AGE_MS = 100_000_000
DEAD_MAX_BYTES = 65_536

#: Events of which two exceed the bytes of all dead letters; one of them with others does not.
BULKY = {"event-4", "event-5"}
BULK = b" " * 40_000

SETTINGS = Settings(
    concurrency=4,
    lease_seconds=LEASE_MS / 1000,
    dedupe_seconds=DEDUPE_MS // 1000,
    dead_max_count=DEAD_MAX_COUNT,
    dead_max_bytes=DEAD_MAX_BYTES,
    dead_max_age_seconds=DEAD_MAX_AGE_MS // 1000,
    breaker_min_count=10_000,  # holding has its own machine
)

#: The constants of `lua/claim.lua`.
SUSPECT, POISON, FRESH = 2, 3, 4

REASONS = {Move.SKIPPED: SkipReason.DISABLED, Move.DEAD: DeathReason.AMBIGUOUS}

IDS = st.sampled_from([f"event-{number}" for number in range(6)])
WORKERS = st.sampled_from(["a", "b", "c"])
#: The outcome class and the call of the attempt that failed last.
ANSWERS = st.sampled_from(
    [("ambiguous", "sale"), ("rejected", "sale"), ("rejected", "sale.new"), ("unsent", "sale")]
)
CALLS = st.lists(st.sampled_from(["sale", "sale.new", "sale/2"]), max_size=2, unique=True)


def raw_of(event_id: str) -> bytes:
    return b"{}" + (BULK if event_id in BULKY else b"")


class JournalMachine(RuleBasedStateMachine):
    """Several workers, some with stale leases, an operator, and a clock that never goes back."""

    claims = Bundle("claims")
    choices = Bundle("choices")

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_800_000_000_000
        self.journal = self.make_journal()
        leave_a_wakeup(self.journal)
        self.lease_number = 0
        # The model: each event's place, and the time since when or until when it is there.
        self.due: dict[str, int] = {}
        self.holder: dict[str, str] = {}
        self.leases_lost: dict[str, int] = {}
        self.dead: dict[str, int] = {}
        self.worth: dict[str, Worth] = {}
        self.done: dict[str, int] = {}
        # Events with a record: claimed at least once since they were accepted.
        self.touched: set[str] = set()
        # Events that were tried since they were accepted or redriven, and are due again.
        self.tried: set[str] = set()
        # Events that an operator erases while a worker holds them.
        self.erasing: set[str] = set()
        self.accepted_calls: dict[str, list[str]] = {}
        # What idempotency keys depend on: the calls that may have arrived, those that were
        # rejected, and the numbers that redrives gave.
        self.doubts: dict[str, set[str]] = {}
        self.rejected: dict[str, set[str]] = {}
        self.redriven: Counter[str] = Counter()
        self.key_numbers: dict[str, dict[str, int]] = {}
        self.removed: Counter[str] = Counter()
        self.totals = {"accepted": 0, "duplicate": 0, "gone": 0, "noted": 0}

    def make_journal(self) -> Journal:
        raise NotImplementedError

    def clock(self) -> int:
        return self.now_ms

    def known(self, event_id: str) -> bool:
        if event_id in self.due or event_id in self.dead:
            return True
        finished_at = self.done.get(event_id)
        if finished_at is None:
            return False
        return self.now_ms // DEDUPE_MS - finished_at // DEDUPE_MS <= 1

    @rule(ids=st.lists(IDS, min_size=1, max_size=4))
    def accept(self, ids: list[str]) -> None:
        expected = []
        for event_id in ids:
            expected.append(not self.known(event_id))
            if expected[-1]:
                self.due[event_id] = self.now_ms
                self.accepted_calls[event_id] = []
                self.doubts[event_id], self.rejected[event_id] = set(), set()
                self.redriven[event_id], self.key_numbers[event_id] = 0, {}
        new = self.journal.accept([(event_id, raw_of(event_id)) for event_id in ids], offered=1)
        assert list(new) == expected
        self.totals["accepted"] += sum(expected)
        self.totals["duplicate"] += len(expected) - sum(expected)

    @rule(target=claims, worker=WORKERS, limit=st.integers(1, 6), task=st.sampled_from(TaskState))
    def claim(self, worker: str, limit: int, task: TaskState) -> list[ClaimedEvent]:
        self.lease_number += 1
        lease = f"{worker}-{self.lease_number}"
        self.journal.tick("worker", 10, [])
        self.model_bounds()
        claim = self.journal.claim(worker, lease, limit, task=task)
        expected = self.model_claim(lease, limit, task)
        assert [event.event_id for event in claim.events] == expected
        for event in claim.events:
            assert list(event.record.accepted) == self.accepted_calls[event.event_id]
            assert event.record.in_doubt.keys() == self.doubts[event.event_id]
            assert event.record.key_numbers == self.key_numbers[event.event_id]
            assert event.record.leases_lost == self.leases_lost.get(event.event_id, 0)
        return list(claim.events)

    def model_claim(self, lease: str, limit: int, task: TaskState) -> list[str]:
        """Oldest first, except for a share of the newest; a suspect is handed out alone."""
        at_and_id = sorted((at, name) for name, at in self.due.items() if at <= self.now_ms)
        ready = [event_id for _, event_id in at_and_id]
        chosen = ready[:limit]
        fresh = (limit + self.now_ms % FRESH) // FRESH
        if len(chosen) == limit and fresh:
            chosen[limit - fresh :] = ready[: -fresh - 1 : -1]
        handed_out: list[str] = []
        for event_id in chosen:
            lost = self.leases_lost.get(event_id, 0) + (event_id in self.holder)
            is_suspect = SUSPECT <= lost < POISON
            if len(handed_out) == limit:
                break
            if event_id in self.erasing:
                self.model_erased(event_id)
                continue
            if is_suspect and (task is TaskState.BUSY or handed_out):
                break
            self.leases_lost[event_id] = lost
            if event_id in self.holder:
                self.doubts[event_id].add(UNKNOWN_CALL)
            self.touched.add(event_id)
            if lost >= POISON:
                del self.due[event_id], self.holder[event_id]
                self.tried.discard(event_id)
                self.model_buried(event_id, Worth.REVENUE)
                continue
            self.due[event_id] = self.now_ms + LEASE_MS
            self.holder[event_id] = lease
            handed_out.append(event_id)
            if is_suspect:
                break
        return handed_out

    @rule(
        claimed=claims,
        move=st.sampled_from(Move),
        delay_ms=st.integers(0, 200_000),
        learned=st.tuples(ANSWERS, CALLS),
        take=st.integers(1, 4),
        worth=st.sampled_from([None, *Worth]),
    )
    def finish(  # noqa: PLR0913, PLR0917  all that a worker can report
        self,
        claimed: list[ClaimedEvent],
        move: Move,
        delay_ms: int,
        learned: tuple[tuple[str, str], list[str]],
        take: int,
        worth: Worth | None,
    ) -> None:
        """Finish events that a worker claimed at any time before, in any way."""
        (outcome_class, call), accepted = learned
        said = [
            Finish(
                event_id=event.event_id,
                lease=event.lease,
                move=move,
                reason=REASONS.get(move),
                notes=[Note.UNREADABLE_AMOUNT] if take % 2 else [],
                delay_ms=delay_ms if move is Move.POSTPONED else None,
                attempts=(
                    Attempt(
                        at_ms=self.now_ms,
                        call=call,
                        outcome_class=outcome_class,
                        detail="http_503",
                        status=503,
                    ),
                ),
                accepted=accepted,
                status=503 if move is Move.DEAD and take % 2 else None,
                worth=worth,
                sent=SentCall(call="sale", path="/x", body="{}") if move is Move.DEAD else None,
            )
            for event in claimed[:take]
        ]
        if said:
            expected = [self.model_finish(finish) for finish in said]
            assert list(self.journal.finish(said)) == expected

    def model_finish(self, finish: Finish) -> Finished:
        event_id = finish.event_id
        if event_id not in self.touched:
            return Finished.GONE
        self.model_learned(event_id, finish)
        if self.holder.get(event_id) != finish.lease:
            return Finished.LOST
        if finish.move is Move.KEPT:
            return self.model_kept(event_id)
        if event_id in self.erasing and finish.move not in {Move.DELIVERED, Move.SKIPPED}:
            self.model_erased(event_id)
            return Finished.GONE
        del self.holder[event_id]
        del self.due[event_id]
        self.tried.discard(event_id)
        if finish.move in {Move.POSTPONED, Move.RETURNED}:
            self.leases_lost.pop(event_id, None)
            self.tried.add(event_id)
        if finish.move is Move.POSTPONED:
            self.due[event_id] = self.now_ms + (finish.delay_ms or 0)
        elif finish.move is Move.RETURNED:
            self.due[event_id] = self.now_ms
        elif finish.move is Move.DEAD:
            self.model_buried(event_id, finish.worth or Worth.REVENUE)
        else:
            self.totals["noted"] += len(finish.notes)
            self.model_gone(event_id)
        return Finished.MOVED

    def model_learned(self, event_id: str, finish: Finish) -> None:
        (attempt,) = finish.attempts
        if attempt.outcome_class == "ambiguous":
            self.doubts[event_id].add(attempt.call)
        if attempt.outcome_class == "rejected":
            self.rejected[event_id].add(attempt.call)
        self.doubts[event_id] -= set(finish.accepted)
        known = self.accepted_calls[event_id]
        known += [call for call in finish.accepted if call not in known]

    def model_kept(self, event_id: str) -> Finished:
        if event_id in self.erasing:
            self.model_erased(event_id)
            return Finished.GONE
        self.due[event_id] = self.now_ms + LEASE_MS
        return Finished.MOVED

    def model_gone(self, event_id: str) -> None:
        self.done[event_id] = self.now_ms
        self.model_left(event_id)

    def model_left(self, event_id: str) -> None:
        self.touched.discard(event_id)
        self.erasing.discard(event_id)
        self.leases_lost.pop(event_id, None)
        self.totals["gone"] += 1

    def model_erased(self, event_id: str) -> None:
        """The event leaves, and its id is not remembered."""
        self.due.pop(event_id, None)
        self.holder.pop(event_id, None)
        self.dead.pop(event_id, None)
        self.tried.discard(event_id)
        self.model_left(event_id)

    @rule(ids=st.lists(IDS, min_size=1, max_size=3, unique=True))
    def erase(self, ids: list[str]) -> None:
        expected = []
        for event_id in ids:
            if event_id not in self.due and event_id not in self.dead:
                finished = self.known(event_id)
                expected.append(Erased.FINISHED if finished else Erased.ABSENT)
                self.done.pop(event_id, None)
            elif event_id in self.holder and self.due[event_id] > self.now_ms:
                expected.append(Erased.CLAIMED)
                self.erasing.add(event_id)
            else:
                expected.append(Erased.ERASED)
                self.model_erased(event_id)
        assert list(self.journal.erase(ids)) == expected

    @rule(target=choices, ids=st.lists(IDS, min_size=1, max_size=3, unique=True))
    def choose(self, ids: list[str]) -> list[Death]:
        """Choose dead letters as an operator sees them now, for a redrive or discard later."""
        return [(event_id, self.dead.get(event_id, 0)) for event_id in ids]

    @rule(chosen=choices)
    def redrive(self, chosen: list[Death]) -> None:
        answer = self.journal.redrive(chosen, offered=1)
        assert list(answer) == [self.dead.get(event_id) == at for event_id, at in chosen]
        for event_id, at in chosen:
            if self.dead.get(event_id) == at:
                del self.dead[event_id]
                self.due[event_id] = self.now_ms
                self.leases_lost.pop(event_id, None)
                self.model_new_keys(event_id)

    def model_new_keys(self, event_id: str) -> None:
        """Give rejected calls new keys, except those that may have arrived."""
        self.redriven[event_id] += 1
        for call in self.rejected[event_id]:
            if not self.doubts[event_id] & {call, UNKNOWN_CALL}:
                self.key_numbers[event_id][call] = self.redriven[event_id]
        self.rejected[event_id] = set()

    @rule(chosen=choices)
    def discard(self, chosen: list[Death]) -> None:
        dead = [event_id for event_id, at in chosen if self.dead.get(event_id) == at]
        assert sum(self.journal.discard(chosen, "operator")) == len(dead)
        for event_id in dead:
            del self.dead[event_id]
            self.model_gone(event_id)

    def model_buried(self, event_id: str, worth: Worth) -> None:
        self.dead[event_id] = self.now_ms
        self.worth[event_id] = worth
        self.model_least_goes()

    def model_least_goes(self) -> None:
        """Remove the dead letters beyond the bounds, those worth least first, then the oldest."""
        while len(self.dead) > DEAD_MAX_COUNT or self.dead.keys() >= BULKY:
            least = min(self.dead, key=lambda name: (self.worth[name], self.dead[name], name))
            self.model_removed(least, "overflow")

    def model_removed(self, event_id: str, bound: str) -> None:
        is_revenue = self.worth[event_id] is Worth.REVENUE
        self.removed[f"dead_{bound}{'_revenue' if is_revenue else ''}"] += 1
        del self.dead[event_id]
        self.model_gone(event_id)

    def model_bounds(self) -> None:
        """Remove dead letters beyond their bounds of age, number and size."""
        for event_id, died_at in list(self.dead.items()):
            if died_at <= self.now_ms - DEAD_MAX_AGE_MS:
                self.model_removed(event_id, "expired")
        self.model_least_goes()

    @rule()
    def tick(self) -> None:
        self.journal.tick("worker", 10, ["token"])
        self.model_bounds()

    @rule(milliseconds=st.sampled_from([1, 1_000, LEASE_MS, 3_600_000, DEDUPE_MS]))
    def time_goes_on(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @invariant()
    def every_event_is_accounted_for(self) -> None:
        snapshot = self.journal.snapshot()
        assert snapshot.unaccounted == 0
        assert snapshot.stored == snapshot.in_flight + snapshot.dead
        assert snapshot.total("accepted") == self.totals["accepted"]
        assert snapshot.total("duplicate") == self.totals["duplicate"]
        assert snapshot.total("noted") == self.totals["noted"]
        gone = sum(snapshot.total(kind) for kind in ("delivered", "skipped", "discarded"))
        assert gone == self.totals["gone"]
        for reason, number in self.removed.items():
            assert snapshot.counters[f"discarded:{reason}"] == number

    @invariant()
    def the_journal_agrees_with_the_model(self) -> None:
        snapshot = self.journal.snapshot()
        assert snapshot.in_flight == len(self.due)
        assert snapshot.dead == len(self.dead)
        assert snapshot.tried == len(self.tried)
        letters = [letter.record for letter in self.journal.dead_letters()]
        assert snapshot.dead_bytes == sum(one.size for one in letters)
        assert snapshot.valued == snapshot.dead
        assert snapshot.deaths == Counter((one.reason, one.status) for one in letters)
        assert snapshot.dead_in_doubt == sum(bool(one.in_doubt) for one in letters)
        ready = sum(at <= self.now_ms for at in self.due.values())
        held = sum(self.due[event_id] > self.now_ms for event_id in self.holder)
        assert (snapshot.due_now, snapshot.claimed) == (ready, held)
        for event_id, at in self.due.items():
            assert self.journal.look(event_id).at_ms == at

    @invariant()
    def no_event_is_in_two_places(self) -> None:
        assert not list(self.journal.inspect())
