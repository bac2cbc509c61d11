"""Refuses calls at once while Redis hangs, so that not every caller waits for the timeout."""

from os import getpid
from time import monotonic
from types import TracebackType

from redis.exceptions import TimeoutError as RedisTimeoutError

from convertro.errors import JournalUnavailable

#: How long every call is refused after one timed out; then one call tries Redis again.
REFUSED_SECONDS = 1.0

#: After how long without a result another call may try: a signal may have interrupted the first.
_TRIAL_SECONDS = 10.0


class _State:
    """What one process knows about Redis.

    Plain assignments and one `setdefault` change it, so that no lock is needed: a signal handler
    may interrupt the code that holds a lock, and then wait for it forever.
    """

    def __init__(self) -> None:
        self.process_id = getpid()
        #: Until when calls are refused, by the monotonic clock; 0 while Redis answers.
        self.refused_until = 0.0
        #: The call that may try in each period of `_TRIAL_SECONDS` after `refused_until`.
        self.trials: dict[int, object] = {}


class Refusal:
    """Wraps each round trip of a client; safe between threads, after a fork, in signal handlers.

    Raises:
        JournalUnavailable: Redis did not answer a moment ago, so it was not asked again.
    """

    def __init__(self) -> None:
        self._state = _State()

    def __enter__(self) -> None:
        state = self._state
        if not state.refused_until:
            return
        if state.process_id != getpid():  # forked: what failed in the parent may work here
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
    """Whether the error comes from a timeout, of Redis or of a Sentinel."""
    while error is not None:
        if isinstance(error, RedisTimeoutError):
            return True
        error = error.__cause__
    return False


def _may_try(state: _State) -> bool:
    """Whether calls are refused no longer, and no other call of this period tries."""
    since = monotonic() - state.refused_until
    mine = object()
    return since >= 0 and state.trials.setdefault(int(since / _TRIAL_SECONDS), mine) is mine
