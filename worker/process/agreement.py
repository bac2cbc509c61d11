"""Checks before a worker starts that it agrees with the live workers of its journal."""

from collections.abc import Callable
from time import monotonic, sleep

from config.settings import Settings
from convertro.errors import JournalUnavailable
from convertro.intake_journal import FORMAT, WORKER_TTL_MS
from worker.journal.journal import Disagreement, Journal

#: How long a starting worker waits for a disagreeing one that was killed: that counts as alive for
#: nearly as long.
_PATIENCE_SECONDS = WORKER_TTL_MS / 1000 + 1


def join(
    journal: Journal,
    worker: str,
    settings: Settings,
    *,
    now: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> str | None:
    """Store this worker's values in the journal; return a sentence if a live worker disagrees.

    If Redis is unavailable this returns None, because the first tick checks the same again.
    """
    until = now() + _PATIENCE_SECONDS
    while True:
        try:
            journal.agree(worker)
        except Disagreement as error:
            if now() >= until:
                return sentence_of(error, settings)
            pause(1.0)
        except JournalUnavailable:
            return None
        else:
            return None


def sentence_of(error: Disagreement, settings: Settings) -> str:
    """Name the other worker's values, this worker's values, and what to do."""
    theirs = error.theirs
    if "format" in theirs:
        return (
            f"the journal is of format {theirs['format']}, and this version works with format "
            f"{FORMAT}: start the version that its other workers are of (docs/compatibility.md)"
        )
    parts = [_both(name, value, settings) for name, value in sorted(theirs.items())]
    return (
        f"another worker of this journal is alive and disagrees: {', '.join(parts)}; make them "
        "equal, or stop all workers before the first one starts with a new value"
    )


def _both(name: str, theirs: str, settings: Settings) -> str:
    if name == "dedupe":
        return (
            f"it has CONVERTRO_DEDUPE_SECONDS={int(theirs) // 1000}, "
            f"this one {settings.dedupe_seconds}"
        )
    return f"it has CONVERTRO_QUEUE={theirs}, this one {settings.queue}"
