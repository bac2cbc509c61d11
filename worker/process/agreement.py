"""What all workers of a journal must agree on: who disagrees with a live one does not start."""

from collections.abc import Callable
from time import monotonic, sleep

from config.settings import Settings
from convertro.errors import JournalUnavailable
from convertro.intake_journal import FORMAT, WORKER_TTL_MS
from worker.journal.journal import Disagreement, Journal

#: A worker that was killed counts as alive for a while; so long its successor waits.
_PATIENCE_SECONDS = WORKER_TTL_MS / 1000 + 1


def join(
    journal: Journal,
    worker: str,
    settings: Settings,
    *,
    now: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> str | None:
    """Agree with the workers that are alive; answers a sentence if that cannot be.

    While Redis is away nothing is said here: the first tick says it.
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
    """What the others say, what this worker says, and what to do."""
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
