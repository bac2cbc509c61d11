"""Much hostile input: events, texts and answers; set CHAOS_SEED to repeat a run."""

from collections import Counter

import pytest

from tests.support.hostile import events as hostile
from tests.support.hostile.answers import check_random_answers
from tests.support.hostile.checks import accepts, accepts_text
from tests.support.hostile.worker import check_a_worker_survives
from tests.support.raw_server import raw_server
from worker.lab.demo.stack import Stack

pytestmark = pytest.mark.slow

EXAMPLES = 50_000

#: The number of inputs drawn at once, so that not all are in memory.
STEP = 1_000


def test_fifty_thousand_hostile_inputs_are_events_or_refused(seed: int) -> None:
    counts: Counter[str] = Counter()
    for step in range(EXAMPLES // STEP // 2):
        for event in hostile.drawn(hostile.objects | hostile.events, STEP, seed + step):
            counts["object accepted" if accepts(event) else "object refused"] += 1
        for text in hostile.drawn(hostile.texts, STEP, seed + step):
            counts["text accepted" if accepts_text(text) else "text refused"] += 1
    print(f"seed {seed}: {counts.total()} tried, {dict(counts)}")
    assert counts["object accepted"] > counts.total() / 20 < counts["text accepted"]


def test_five_thousand_hostile_answers_are_outcomes(seed: int) -> None:
    with raw_server() as server:
        details = check_random_answers(server, 5_000, seed)
    print(f"seed {seed}: {details.total()} answers, {dict(details)}")


def test_a_worker_survives_ten_thousand_hostile_events(stack: Stack, seed: int) -> None:
    check_a_worker_survives(stack, 10_000, seed)
