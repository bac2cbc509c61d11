"""When workers count as healthy, and when a worker could deliver."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import fakeredis
import pytest

from config.settings import Settings
from convertro.intake_journal import WORKER_TTL_MS
from worker.journal.journal import Journal
from worker.journal.snapshot import STUCK_MS
from worker.preflight.checks import Check, Level
from worker.status.health import (
    Health,
    Verdict,
    WorkerChoice,
    every_worker,
    live,
    of_this_host,
    one_worker,
)
from worker.status.readiness import judge

HERE = f"celery@{socket.gethostname()}"
ELSEWHERE = "celery@elsewhere"


@dataclass
class Bench:
    """A journal whose clock the test sets."""

    now_ms: int = 1_800_000_000_000

    def __post_init__(self) -> None:
        self.settings = Settings(concurrency=2)
        self.redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.journal = self.journal_of(None)

    def journal_of(self, worker: str | None) -> Journal:
        return Journal(
            self.redis, self.settings, clock=lambda: self.now_ms, shebang=False, worker=worker
        )

    def tick(self, *nodes: str) -> None:
        for node in nodes:
            self.journal.tick(f"{node}/1-aaaa", 1, [])

    def ask(self, node: str) -> None:
        self.journal_of(f"{node}/1-aaaa").claim("wakeup", "lease", 1)

    def pass_with_work(self, *nodes: str) -> None:
        """Let much time pass in which events wait and some workers tick."""
        self.journal.accept([(f"event-{number}", b"{}") for number in range(6)])
        for _ in range(STUCK_MS // 1000):
            self.now_ms += 1000
            self.tick(*nodes)

    def judge(self, chosen: WorkerChoice) -> Verdict:
        return live(self.journal.snapshot(), chosen)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    "chosen", [of_this_host, every_worker, lambda: one_worker(HERE)], ids=["host", "all", "name"]
)
def test_a_worker_that_ticks_is_alive(bench: Bench, chosen: Callable[[], WorkerChoice]) -> None:
    bench.tick(HERE)
    verdict = bench.judge(chosen())
    assert verdict.good
    assert verdict.sentence == f"1 worker alive: {HERE}, last sign of life 0 s ago"


def test_without_a_worker_the_answer_is_unhealthy(bench: Bench) -> None:
    assert bench.judge(every_worker()).problem == "no_worker"
    bench.tick(ELSEWHERE)
    assert bench.judge(every_worker()).good
    for chosen in (of_this_host(), one_worker(HERE)):
        verdict = bench.judge(chosen)
        assert (verdict.health, verdict.problem) == (Health.BAD, "no_worker")


def test_a_silent_worker_is_unhealthy_and_does_not_affect_others(bench: Bench) -> None:
    bench.tick(HERE)
    bench.now_ms += WORKER_TTL_MS + 1
    bench.tick(ELSEWHERE)
    verdict = bench.judge(of_this_host())
    assert (verdict.health, verdict.problem) == (Health.BAD, "worker_silent")
    assert verdict.sentence.startswith(f"{HERE} went silent 5.0 s ago")
    assert not bench.judge(every_worker()).good
    assert bench.judge(one_worker(ELSEWHERE)).good


def test_after_a_lease_a_silent_worker_does_not_affect_others(
    bench: Bench,
) -> None:
    lease_ms = int(bench.settings.lease_seconds * 1000)
    bench.tick(HERE)
    bench.now_ms += WORKER_TTL_MS + lease_ms
    bench.tick(ELSEWHERE)
    assert bench.judge(every_worker()).problem == "worker_silent"
    bench.now_ms += 1
    assert bench.judge(every_worker()).good
    assert bench.judge(of_this_host()).problem == "no_worker"
    bench.now_ms += WORKER_TTL_MS
    assert bench.judge(every_worker()).problem == "worker_silent", "no other one is alive"


def test_a_worker_that_stopped_properly_is_gone_and_not_silent(bench: Bench) -> None:
    bench.tick(HERE, ELSEWHERE)
    bench.journal.leave(f"{HERE}/1-aaaa", 1)
    assert bench.judge(every_worker()).good
    assert bench.judge(of_this_host()).problem == "no_worker"


def test_a_worker_that_does_not_ask_for_waiting_work_is_not_healthy(bench: Bench) -> None:
    bench.tick(HERE, ELSEWHERE)
    bench.pass_with_work(HERE, ELSEWHERE)
    bench.ask(ELSEWHERE)
    # The five events left are more than two workers claim at once, so both should have asked.
    assert bench.judge(of_this_host()).problem == "worker_stuck"
    assert bench.judge(one_worker(ELSEWHERE)).good


def test_a_worker_alone_that_does_not_ask_is_stuck(bench: Bench) -> None:
    bench.tick(HERE)
    bench.pass_with_work(HERE)
    verdict = bench.judge(of_this_host())
    assert (verdict.health, verdict.problem) == (Health.BAD, "worker_stuck")
    bench.ask(HERE)
    assert bench.judge(of_this_host()).good


def test_a_sentence_lists_only_a_few_names(bench: Bench) -> None:
    bench.tick(*(f"celery@host-{number}" for number in range(5)))
    told = "5 workers alive: celery@host-0, celery@host-1, celery@host-2 and 2 more,"
    assert bench.judge(every_worker()).sentence.startswith(told)


@pytest.mark.parametrize(
    ("name", "level", "health"),
    [
        ("base_url", Level.WARNING, Health.GOOD),
        ("clock", Level.NOT_CHECKED, Health.GOOD),
        ("memory", Level.WARNING, Health.BAD),  # nine tenths are used
        ("dead_letters", Level.WARNING, Health.GOOD),
        ("dead_letters", Level.ERROR, Health.BAD),
        ("role", Level.ERROR, Health.BAD),
        ("settings", Level.ERROR, Health.WRONG_SETTING),
        ("redis", Level.ERROR, Health.UNKNOWN),
    ],
)
def test_a_worker_that_could_deliver_is_ready(name: str, level: Level, health: Health) -> None:
    verdict = judge([Check(Level.OK, "long", name="lease"), Check(level, "it is so", name=name)])
    assert verdict.health is health
    assert verdict.problem == (None if health is Health.GOOD else name)
    assert verdict.good or verdict.sentence == "it is so"
