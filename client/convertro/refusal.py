"""Refusing at once while Redis hangs, instead of letting every caller wait."""

from os import getpid
from time import monotonic
from types import TracebackType

from redis.exceptions import TimeoutError as RedisTimeoutError

from convertro.errors import JournalUnavailable

#: How long all are refused after somebody waited in vain; then one of them tries.
REFUSED_SECONDS = 1.0

#: After so long another one tries: a signal handler may have interrupted the first.
_TRIAL_SECONDS = 10.0


class _State:
    """What a process knows. Simple assignments and one `setdefault`, so that no lock is needed.

    A lock could be held by the very code that a signal handler interrupts.
    """

    def __init__(self) -> None:
        self.process_id = getpid()
        #: Until then all are refused; 0 as long as Redis answers.
        self.refused_until = 0.0
        #: Who tries, by how many trials' time went by since.
        self.trials: dict[int, object] = {}


class Refusal:
    """Surrounds each round trip of a client; safe between threads, after a fork, in a signal.

    Raises:
        JournalUnavailable: Redis did not answer a moment ago, so it was not asked now.
    """

    def __init__(self) -> None:
        self._state = _State()

    def __enter__(self) -> None:
        state = self._state
        if not state.refused_until:
            return
        if state.process_id != getpid():  # a fork: the parent's trouble need not be the child's
            self._state = _State()
            return
        if not _may_try(state):
            raise JournalUnavailable("it did not answer a moment ago, so it was not asked again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        state = self._state
        if kind is None and not state.refused_until:
            return
        if _is_due_to_a_timeout(error):
            state.refused_until = monotonic() + REFUSED_SECONDS
        elif kind is None:
            state.refused_until = 0.0
        state.trials = {}


def _is_due_to_a_timeout(error: BaseException | None) -> bool:
    """Whether somebody waited in vain: for Redis, or for a Sentinel that was to name it."""
    while error is not None:
        if isinstance(error, RedisTimeoutError):
            return True
        error = error.__cause__
    return False


def _may_try(state: _State) -> bool:
    """Whether the time to try has come, and nobody else does."""
    since = monotonic() - state.refused_until
    mine = object()
    return since >= 0 and state.trials.setdefault(int(since / _TRIAL_SECONDS), mine) is mine
