"""Which rates are shown, and over which windows. Pure."""

from worker.outcomes import OutcomeClass

#: Windows in seconds, by their name.
WINDOWS = {"1 min": 60, "5 min": 300, "15 min": 900}
LONGEST_SECONDS = 900

_FAILURES = tuple(
    f"attempts:{kind.value}" for kind in OutcomeClass if kind is not OutcomeClass.ACCEPTED
)

#: The counters that add up to each rate.
RATES = {
    "accepted": ("accepted",),
    "delivered": ("delivered",),
    "skipped": ("skipped",),
    "died": ("dead",),
    "attempts that failed": _FAILURES,
}
