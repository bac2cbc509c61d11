"""Which dead letters a command selects."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import typer

from worker.cli.dead.selection import Chosen, Filters, Selection, spread
from worker.cli.terminal.pacing import paced
from worker.cli.terminal.times import Since, parse_rate, parse_since, rate_words
from worker.journal.journal import MOVED_AT_ONCE
from worker.journal.reading import DeadLetter
from worker.journal.records import Record

NOON_MS = int(datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp() * 1000)
LETTER = DeadLetter(
    event_id="evt-1",
    died_at_ms=NOON_MS,
    record=Record(accepted_at_ms=NOON_MS, reason="rejected", outcome_class="rejected", status=400),
)


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        (Filters(), True),
        (Filters(reason="rejected"), True),
        (Filters(reason="no_identity"), False),
        (Filters(outcome_class="rejected", status=400), True),
        (Filters(outcome_class="ambiguous"), False),
        (Filters(reason="rejected", status=404), False),
    ],
)
def test_filters_must_all_apply(filters: Filters, *, matches: bool) -> None:
    assert filters.match(LETTER) is matches


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(ids=["evt-1"], everything=True),
        Selection(ids=["evt-1"], filters=Filters(status=400)),
        Selection(filters=Filters(since=Since(ago_ms=0)), everything=True),
    ],
)
def test_a_selection_is_by_one_means_only(selection: Selection) -> None:
    with pytest.raises(typer.Exit) as refused:
        selection.check()
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "selection",
    [
        Selection(ids=["evt-1"]),
        Selection(filters=Filters(reason="rejected", status=400)),
        Selection(filters=Filters(since=Since(ago_ms=0))),
        Selection(everything=True),
    ],
)
def test_one_means_is_enough(selection: Selection) -> None:
    selection.check()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("45s", 45),
        ("30m", 30 * 60),
        ("30min", 30 * 60),
        ("2h", 2 * 3600),
        ("7d", 7 * 86400),
        ("2w", 14 * 86400),
        ("1h30m", 5400),
    ],
)
def test_since_is_a_duration(text: str, seconds: int) -> None:
    assert parse_since(text).time_ms(NOON_MS) == NOON_MS - seconds * 1000


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04T12:00:00Z",
        "2026-05-04T12:00:00",
        "2026-05-04 12:00",
        "2026-05-04T14:00:00+02:00",
        "20260504T120000Z",
    ],
)
def test_since_is_a_time(text: str) -> None:
    assert parse_since(text).time_ms(0) == NOON_MS


def test_a_time_is_exact_to_the_millisecond() -> None:
    for millisecond in range(1000):
        text = f"2026-05-04T12:00:00.{millisecond:03}Z"
        assert parse_since(text).time_ms(0) == NOON_MS + millisecond


def test_since_reaches_back_to_the_beginning_and_no_further() -> None:
    assert parse_since("999999w").time_ms(NOON_MS) == 0
    assert parse_since("1066-10-14").time_ms(NOON_MS) == 0


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "2h ago", "٢h", "yesterday", "1.5h"])
def test_other_values_of_since_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a duration"):
        parse_since(text)


@pytest.mark.parametrize(
    ("text", "rate"), [("50/s", 50), ("50", 50), ("0.5/s", 0.5), ("12345678/s", 12345678)]
)
def test_a_rate(text: str, rate: float) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(rate_words(rate)) == rate


@pytest.mark.parametrize("text", ["", "0", "0.0/s", "-1", "5/min", "inf", "nan", "fast"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number of events a second"):
        parse_rate(text)


class Clock:
    """A clock that moves only while `sleep` is called."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("rate", "number", "largest", "seconds"),
    [
        # Steps of 0.2 s: 10 ids each; the last of 5 begins 0.8 s after the first.
        (50.0, 50, 10, 0.8),
        (1.0, 3, 1, 2.0),
        (0.5, 2, 1, 2.0),
        # A step never has more than the journal takes at once.
        (1_000_000.0, 2 * MOVED_AT_ONCE, MOVED_AT_ONCE, MOVED_AT_ONCE / 1_000_000),
        (None, 2 * MOVED_AT_ONCE + 1, MOVED_AT_ONCE, 0.0),
    ],
)
def test_a_rate_is_kept(rate: float | None, number: int, largest: int, seconds: float) -> None:
    clock = Clock()
    steps = list(steps_of(clock, rate, number))
    assert [name for step in steps for name in step] == [f"evt-{index}" for index in range(number)]
    assert max(map(len, steps)) == largest
    assert clock.now - 100 == pytest.approx(seconds)


def steps_of(clock: Clock, rate: float | None, number: int) -> Iterator[list[str]]:
    ids = [f"evt-{index}" for index in range(number)]
    return paced(ids, rate, at_once=MOVED_AT_ONCE, now=clock, sleep=clock.sleep)


def test_a_delay_is_not_made_up_for() -> None:
    clock = Clock()
    begun = []
    for step in steps_of(clock, 50.0, 50):
        begun.append(clock.now - 100)
        if step[0] == "evt-10":
            clock.sleep(60)
    assert begun == pytest.approx([0.0, 0.2, 60.2, 60.4, 60.6])


A, B, C = ("rejected", 400), ("rejected", 404), ("missing_device_id", None)


@pytest.mark.parametrize(
    ("number", "picked"),
    [
        # The middle of each kind, the largest kind first.
        (1, ["a5"]),
        (3, ["a5", "b1", "c0"]),
        # Within a kind the middles of equal parts: 10 * 1/4 and 10 * 3/4.
        (5, ["a2", "b0", "c0", "a7", "b1"]),
        (99, ["a0", "b0", "c0", "a1", "b1", *(f"a{index}" for index in range(2, 10))]),
    ],
)
def test_samples_are_spread(number: int, picked: list[str]) -> None:
    by_kind = {C: ["c0"], B: ["b0", "b1"], A: [f"a{index}" for index in range(10)]}
    assert spread(by_kind, number) == picked
    assert spread({}, number) == []


def test_what_is_left_is_selected_again_without_what_died_since() -> None:
    filters = Filters(reason="rejected", status=400, since=Since(ago_ms=60_000))
    chosen = Chosen(selection=Selection(filters=filters.at(NOON_MS)))
    chosen.take(LETTER)
    assert chosen.rest(["evt-1"]).filters.arguments() == [
        *("--reason", "rejected", "--status", "400"),
        *("--since", "2026-05-04T11:59:00.000Z", "--until", "2026-05-04T12:00:00.001Z"),
    ]
    every = Chosen(selection=Selection(everything=True))
    every.take(LETTER)
    assert every.rest(["evt-1"]).filters.arguments() == ["--until", "2026-05-04T12:00:00.001Z"]
    by_id = Chosen(selection=Selection(ids=["evt-0", "evt-1"]))
    assert by_id.rest(["evt-1"]) == Selection(ids=["evt-1"])
