"""Numbers, times and states in words."""

import pytest

from config.printable import printable
from config.settings import Settings
from worker.cli.schedule import words_after, words_before
from worker.cli.terminal.exit_codes import GO_ON, wrapped
from worker.status.wording import age, ago, clock_time, counted, duration, iso_time


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0.4 s"),
        (9.96, "10.0 s"),
        (45, "45 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (86400 + 3599, "1 d"),
        (7 * 86400 + 3 * 3600, "7 d 3 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (0.9, "0 s"), (59, "59 s"), (7199, "1 h"), (90000, "1 d")]
)
def test_ages_have_one_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_times_are_utc() -> None:
    assert clock_time(1_777_889_730_123) == "2026-05-04 10:15:30 UTC"
    assert iso_time(1_777_889_730_123) == "2026-05-04T10:15:30.123Z"
    assert ago(1_000, 126_000) == "2 min 5 s ago"
    assert ago(5_000, 1_000) == "0 s ago"


def test_numbers_are_counted() -> None:
    assert [counted(number, "event") for number in (0, 1, 1200)] == [
        "0 events",
        "1 event",
        "1,200 events",
    ]


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert printable("évt-1 ✓ [red]") == "évt-1 ✓ [red]"
    assert printable("a\x1b[31m\n\x9b\u202e\ud800") == r"a\x1b[31m\n\x9b\u202e\ud800"


def test_the_schedule_in_words() -> None:
    settings = Settings(retry_horizon_seconds=7200, blip_tries=1)
    told = words_before(settings, [(30.0, 30.0), (90.0, 60.0)])
    assert "tried up to 1 time in one go" in told
    assert "postponed, about 2 times" in told
    assert "by up to 20% both ways" in told
    assert "later than 2 h after the first attempt" in words_after(settings)


def test_a_schedule_without_retries_says_so() -> None:
    assert "nothing more is tried" in words_before(Settings(), [])


def test_a_command_to_be_copied_is_never_broken() -> None:
    command = (
        "convertro dead redrive --reason rejected --until 2026-11-25T08:41:11.443Z --rate 20/s"
    )
    line = f"convertro: interrupted; 68 of 200 dead letters redriven so far; {GO_ON}{command}"
    assert wrapped(line, 60).splitlines()[-1] == command
    assert wrapped("look at it with `convertro dead show evt-1`, then", 30).splitlines() == [
        "look at it with",
        "`convertro dead show evt-1`,",
        "then",
    ]
