"""The exporter's metrics of a journal, and that none is missing."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from prometheus_client import generate_latest
from redis import Redis

from config.settings import Settings
from tests.support.exposition import kinds, labels_of, series, value
from worker.exporter.collector import journal_registry
from worker.exporter.counters import COUNTERS, DURATIONS
from worker.exporter.gauges import MOST_WORKERS
from worker.exporter.write_reference import metrics_page
from worker.journal.breaker_state import Cause
from worker.journal.histogram import BOUNDS_MS
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Finish, Move
from worker.journal.snapshot import STUCK_MS
from worker.outcomes import OutcomeClass
from worker.process.foreign_messages import Kind
from worker.reasons import DeathReason, Note

ROOT = Path(__file__).resolve().parents[3]

LUA = "\n".join(
    path.read_text()
    for package in ("client", "worker")
    for path in sorted((ROOT / package).glob("**/lua/*.lua"))
)

#: A row of the page: the metric's name and labels.
ROW = re.compile(r"^\| `(convertro_\w+)(?:\{([\w,]+)\})?` \|", re.MULTILINE)


@dataclass
class Bench:
    """A journal whose clock the test sets, and its exporter."""

    settings: Settings = field(default_factory=lambda: Settings(breaker_min_count=4))
    now_ms: int = 1_800_000_000_000

    def __post_init__(self) -> None:
        self.redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.journal = Journal(
            self.redis,
            self.settings,
            clock=lambda: self.now_ms,
            shebang=False,
            worker="celery@a/1-aaaa",
        )
        self.registry = journal_registry(self.journal, self.settings)

    def scrape(self) -> str:
        return generate_latest(self.registry).decode()

    def value(self, name: str, **labels: str) -> float | None:
        return value(self.scrape(), f"convertro_{name}", **labels)

    def tick(self, worker: str = "celery@a/1-aaaa") -> None:
        self.journal.tick(worker, 2, [])

    def finish(self, name: str, move: Move, outcome: str = "rejected", **fields: Any) -> None:
        self.tick()
        self.journal.accept([(name, b"{}")], offered=1)
        claim = self.journal.claim("wakeup", f"lease-{name}", 100)
        (event,) = [event for event in claim.events if event.event_id == name]
        attempt = Attempt(
            at_ms=self.now_ms,
            call="sale",
            outcome_class=outcome,
            detail="detail",
            status=fields.get("status"),
            took_ms=70,
        )
        finish = Finish(event_id=name, lease=event.lease, move=move, attempts=(attempt,), **fields)
        self.journal.finish([finish])

    def bury(self, name: str, reason: str, status: int | None) -> None:
        self.finish(name, Move.DEAD, reason=reason, outcome_class="rejected", status=status)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def filled(bench: Bench) -> Bench:
    """Fill the journal with something of every kind."""
    bench.finish("delivered", Move.DELIVERED, "accepted", status=200)
    bench.finish("later", Move.POSTPONED, "unsent", delay_ms=30_000)
    bench.bury("dead", "rejected", 400)
    return bench


def test_a_journal_that_was_never_used_has_its_counters_at_zero(bench: Bench) -> None:
    text = bench.scrape()
    assert value(text, "convertro_up") == 1
    assert labels_of(text, "convertro_attempts_total") == dict.fromkeys(OutcomeClass, 0)
    assert labels_of(text, "convertro_breaker_opened_total") == dict.fromkeys(Cause, 0)
    assert labels_of(text, "convertro_foreign_messages_total") == dict.fromkeys(Kind, 0)
    assert labels_of(text, "convertro_events_noted_total") == dict.fromkeys(Note, 0)
    assert labels_of(text, "convertro_breaker_open") == dict.fromkeys(Cause, 0)
    assert value(text, "convertro_events_accepted_total") == 0
    assert value(text, "convertro_oldest_due_age_seconds") == 0
    assert value(text, "convertro_horizon_first_timestamp_seconds") is None


def test_what_happens_to_events_is_counted(bench: Bench) -> None:
    text = filled(bench).scrape()
    assert value(text, "convertro_events_accepted_total") == 3
    assert value(text, "convertro_events_delivered_total") == 1
    assert value(text, "convertro_events_postponed_total") == 1
    dead = labels_of(text, "convertro_events_dead_total")
    assert dead == {**dict.fromkeys(DeathReason, 0), "rejected": 1}
    attempts = labels_of(text, "convertro_attempts_total")
    assert {name for name, number in attempts.items() if number} == {
        "accepted",
        "unsent",
        "rejected",
    }
    assert value(text, "convertro_unaccounted_events") == 0
    assert labels_of(text, "convertro_journal_events") == {
        "due": 0,
        "claimed": 0,
        "waiting": 1,
        "dead": 1,
    }


def test_the_horizon_is_that_of_the_event_that_was_tried_first(bench: Bench) -> None:
    bench.finish("later", Move.POSTPONED, "unsent", delay_ms=30_000)
    began = bench.now_ms / 1000
    bench.now_ms += 5_000
    assert bench.value("tried_events") == 1
    horizon = began + bench.settings.retry_horizon_seconds
    assert bench.value("horizon_first_timestamp_seconds") == horizon


def test_durations_are_cumulative_and_in_seconds(bench: Bench) -> None:
    text = filled(bench).scrape()
    assert value(text, "convertro_request_seconds_bucket", le="0.05") == 0
    assert value(text, "convertro_request_seconds_bucket", le="0.1") == 3
    assert value(text, "convertro_request_seconds_bucket", le="+Inf") == 3
    assert value(text, "convertro_request_seconds_count") == 3
    assert value(text, "convertro_request_seconds_sum") == pytest.approx(0.21)
    buckets = [name for name, _ in series(text) if name == "convertro_delivery_seconds_bucket"]
    assert len(buckets) == len(BOUNDS_MS)


def test_dead_letters_are_counted_by_reason_and_status_and_odd_ones_together(bench: Bench) -> None:
    bench.bury("a", "rejected", 400)
    bench.bury("b", "rejected", None)
    bench.bury("c", "poison", 999)
    bench.bury("d", "poison", 42)
    text = bench.scrape()
    found = {
        labels: number
        for (name, labels), number in series(text).items()
        if name == "convertro_dead_letters"
    }
    assert found == {
        (("reason", "rejected"), ("status", "400")): 1,
        (("reason", "rejected"), ("status", "")): 1,
        (("reason", "poison"), ("status", "other")): 2,
    }
    dead = labels_of(text, "convertro_events_dead_total")
    assert dead == {**dict.fromkeys(DeathReason, 0), "rejected": 2, "poison": 2}


@pytest.mark.parametrize("move", [Move.DEAD, Move.SKIPPED])
def test_a_reason_that_is_not_in_the_list_cannot_be_written(bench: Bench, move: Move) -> None:
    with pytest.raises(Exception, match="unknown reason: gone"):
        bench.finish("a", move, "rejected", reason="gone")
    assert bench.journal.look("a").place == "claimed"


def test_a_note_that_is_not_in_the_list_cannot_be_written(bench: Bench) -> None:
    with pytest.raises(Exception, match="unknown note: gone"):
        bench.finish("a", Move.DELIVERED, "accepted", notes=("unreadable_amount", "gone"))
    assert bench.journal.look("a").place == "claimed"


@pytest.mark.parametrize(
    ("move", "reason"), [(Move.DELIVERED, None), (Move.SKIPPED, "missing_order_id")]
)
def test_what_a_sender_should_correct_is_counted_with_its_event(
    bench: Bench, move: Move, reason: str | None
) -> None:
    bench.finish("a", move, "accepted", reason=reason, notes=("likely_order_id",))
    bench.finish("b", move, "accepted", reason=reason, notes=("unreadable_amount",))
    bench.finish("c", move, "accepted", reason=reason)
    text = bench.scrape()
    assert labels_of(text, "convertro_events_noted_total") == dict.fromkeys(Note, 1)
    assert value(text, "convertro_unaccounted_events") == 0
    recent = bench.journal.snapshot(recent=True).recent.counters(900)
    assert {name: number for name, number in recent.items() if name.startswith("noted:")} == {
        "noted:likely_order_id": 1,
        "noted:unreadable_amount": 1,
    }


def test_what_a_sender_should_correct_is_not_counted_of_an_event_that_stays(bench: Bench) -> None:
    bench.finish("a", Move.POSTPONED, "unsent", delay_ms=1, notes=("unreadable_amount",))
    bench.finish("b", Move.DEAD, reason="rejected", notes=("unreadable_amount",))
    assert bench.value("events_noted_total", note="unreadable_amount") == 0


def test_the_breaker_shows_its_cause_and_its_age(bench: Bench) -> None:
    for number in range(4):
        bench.finish(f"failing-{number}", Move.POSTPONED, "ambiguous", delay_ms=1, status=503)
    bench.now_ms += 7_000
    text = bench.scrape()
    assert labels_of(text, "convertro_breaker_open") == {**dict.fromkeys(Cause, 0), "failures": 1}
    assert value(text, "convertro_breaker_open_seconds") == 7
    assert value(text, "convertro_breaker_opened_total", cause="failures") == 1


def test_a_pause_shows(bench: Bench) -> None:
    assert bench.value("paused") == 0
    bench.journal.pause("a reason that nobody else need know")
    assert bench.value("paused") == 1
    assert "nobody else" not in bench.scrape()


def test_workers_are_shown_by_node_with_the_worst_of_equal_names(bench: Bench) -> None:
    bench.tick("celery@a/1-aaaa")
    bench.now_ms += 2_000
    bench.tick("celery@a/2-bbbb")
    bench.tick("celery@b/3-cccc")
    text = bench.scrape()
    ages = labels_of(text, "convertro_worker_heartbeat_age_seconds")
    assert ages == {"celery@a": 2, "celery@b": 0}
    assert value(text, "convertro_workers") == 3
    assert value(text, "convertro_worker_tasks") == 6
    bench.now_ms += 4_000  # more than five seconds since the first ticked
    assert bench.value("workers_silent") == 1


def test_only_the_workers_that_are_worst_off_are_named(bench: Bench) -> None:
    for number in range(MOST_WORKERS + 10):
        bench.tick(f"celery@host-{number}/1-aaaa")
        bench.now_ms += 1
    text = bench.scrape()
    for name in ("heartbeat", "asked"):
        ages = labels_of(text, f"convertro_worker_{name}_age_seconds")
        assert len(ages) == MOST_WORKERS
        assert "celery@host-0" in ages
    assert value(text, "convertro_workers") == MOST_WORKERS + 10


def test_a_worker_that_does_not_ask_for_waiting_work_is_stuck(bench: Bench) -> None:
    bench.tick()
    bench.journal.accept([("event", b"{}")], offered=1)
    assert bench.value("workers_stuck") == 0
    for _ in range(STUCK_MS // 1000):
        bench.now_ms += 1000
        bench.tick()
    assert bench.value("workers_stuck") == 1
    assert bench.value("oldest_due_age_seconds") == STUCK_MS / 1000


@pytest.mark.usefixtures("waits")
def test_without_redis_one_metric_says_so() -> None:
    nobody = Redis("127.0.0.1", 1)
    registry = journal_registry(Journal(nobody, Settings()), Settings())
    assert series(generate_latest(registry).decode()) == {("convertro_up", ()): 0}


def test_every_counter_of_the_journal_is_exported() -> None:
    literal = set(re.findall(r"\bcount\('(\w+)", LUA))
    literal |= set(re.findall(r"HINCRBY', COUNTERS, '(\w+)'", LUA))
    # Names that reach a counter through a parameter come from these calls.
    moved = set(
        re.findall(r"\b(?:mark_done|make_due)\([^\n]*'(\w+):?'[^\n]*\)$", LUA, re.MULTILINE)
    )
    moved |= set(re.findall(r"\bmark_done\([^\n]*'(\w+):'", LUA))
    observed = set(re.findall(r"\bobserve\('(\w+)'", LUA))
    assert {"accepted", "attempts"} <= literal
    assert {"delivered", "skipped", "returned", "postponed", "held"} == moved
    assert literal | moved == set(COUNTERS)
    assert observed == set(DURATIONS)


def test_no_counter_of_the_journal_has_a_name_that_cannot_be_read_here() -> None:
    named = re.findall(r"\bcount\(([^'\n)][^)\n]*)\)", LUA)
    assert set(named) == {
        "name, amount",  # its definition
        "counter",  # `mark_done` and `make_due`, see above
        "name .. ':' .. bucket",  # `observe`
        "name .. ':sum', math.max(0, math.floor(milliseconds",
    }


def test_the_page_lists_what_is_exported_and_nothing_else(bench: Bench) -> None:
    text = filled(bench).scrape()
    listed = [name for name, _ in ROW.findall(metrics_page())]
    missing = {"convertro_redis_memory_used_bytes", "convertro_redis_memory_max_bytes"}
    assert sorted(kinds(text).keys() | missing) == sorted(listed)


def test_the_page_lists_the_labels(bench: Bench) -> None:
    listed = {
        name: set(filter(None, labels.split(","))) for name, labels in ROW.findall(metrics_page())
    }
    for name, labels in series(filled(bench).scrape()):
        metric = re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", name)
        assert {label for label, _ in labels} - {"le"} == listed[metric], metric
