"""The command `convertro schedule`: the retry schedule in words."""

from itertools import pairwise
from textwrap import wrap

from config.settings import Settings
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.cli.terminal.tables import WIDTH, console, say_table, table, text
from worker.delivery.retry import JITTER, retry_times_seconds
from worker.reasons import DeathReason
from worker.status.wording import counted, duration

#: The most retries that are all shown. Of a longer schedule only the first and the last ten are
#: shown, because the waits between them are alike.
_MAX_ROWS = 60
_ENDS = 10

#: The time of a retry after the first attempt and the wait before it, both in seconds.
_Moment = tuple[float, float]


def schedule(*, as_json: JsonOption = False) -> None:
    """Say when a failed call is tried again.

    The schedule follows from the settings CONVERTRO_BLIP_… and CONVERTRO_RETRY_…. Redis is not
    needed, so a change can be tried out first.

    Example: CONVERTRO_RETRY_HORIZON_SECONDS=14400 convertro schedule
    """
    settings = read_settings()
    times = retry_times_seconds(settings)
    steps = [(now, now - before) for before, now in pairwise([0.0, *times])]
    if as_json:
        say_json(_document(settings, steps))
        return
    _say_paragraph(words_before(settings, steps))
    say("")
    if steps:
        _say_steps(steps)
        say("")
    _say_paragraph(words_after(settings))


def words_before(settings: Settings, steps: list[_Moment]) -> str:
    """The paragraph above the table: the tries in one go, and what the table shows."""
    at_once = (
        f"A call that fails in passing is tried up to {counted(settings.blip_tries, 'time')} in "
        f"one go, no try beginning later than {duration(settings.blip_seconds)} after the first."
    )
    if not steps:
        return f"{at_once} If that does not help, nothing more is tried: the horizon is too near."
    return (
        f"{at_once} If that does not help, its event is postponed, about "
        f"{counted(len(steps), 'time')}, and tried in the same way after each wait. A wait varies "
        f"by up to {JITTER:.0%} both ways and is never longer than "
        f"{duration(settings.retry_max_seconds)}."
    )


def words_after(settings: Settings) -> str:
    """The paragraph below the table: Retry-After, and how retrying ends."""
    return (
        "A Retry-After of Convertro's lengthens a wait, up to the same bound. When the next retry "
        f"would come later than {duration(settings.retry_horizon_seconds)} after the first "
        f"attempt, the event becomes a dead letter, reason "
        f"{DeathReason.RETRIES_EXHAUSTED}; see `convertro "
        "dead list`. What Convertro rejects (most 4xx) becomes one at once, reason rejected."
    )


def _say_paragraph(words: str) -> None:
    for line in wrap(words, min(WIDTH, console().width), break_on_hyphens=False):
        say(line)


def _say_steps(steps: list[_Moment]) -> None:
    shown = table(
        "retry", "wait before it", "after the first attempt", numbers=("retry",), fixed=("retry",)
    )
    for number, (at, wait) in enumerate(steps, start=1):
        if len(steps) <= _MAX_ROWS or number <= _ENDS or number > len(steps) - _ENDS:
            shown.add_row(text(number), text(duration(wait)), text(duration(at)))
        elif number == _ENDS + 1:
            shown.add_row(text("…"), text("…"), text("…"))
    say_table(shown)


def _document(settings: Settings, steps: list[_Moment]) -> dict[str, object]:
    return {
        "blip": {"tries": settings.blip_tries, "seconds": settings.blip_seconds},
        "retries": [
            {"retry": number, "wait_seconds": wait, "after_first_attempt_seconds": at}
            for number, (at, wait) in enumerate(steps, start=1)
        ],
        "max_wait_seconds": settings.retry_max_seconds,
        "jitter": JITTER,
        "horizon_seconds": settings.retry_horizon_seconds,
        "then": DeathReason.RETRIES_EXHAUSTED,
    }
