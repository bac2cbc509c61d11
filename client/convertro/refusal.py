"""Refusing at once while Redis hangs, instead of letting every caller wait."""

from os import getpid
from time import monotonic
from types import TracebackType

from redis.exceptions import TimeoutError as RedisTimeoutError

from convertro.errors import JournalUnavailable

#: How long all are refused after somebody waited in vain; then one of them tries.
REFUSED_SECONDS = 1.0


class _State:
    """What a process knows. Simple assignments and one `pop`, so that no lock is needed.

    A lock could be held by the very code that a signal handler interrupts.
    """

    def __init__(self) -> None:
        self.process_id = getpid()
        #: Until then all are refused; 0 as long as Redis answers.
        self.refused_until = 0.0
        #: Whoever takes this is the one who tries.
        self.trial = [True]


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
        if monotonic() < state.refused_until or not _take(state.trial):
            raise JournalUnavailable("it did not answer a moment ago, so it was not asked again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        state = self._state
        if kind is None and not state.refused_until:
            return
        if isinstance(error, JournalUnavailable) and isinstance(error.__cause__, RedisTimeoutError):
            state.refused_until = monotonic() + REFUSED_SECONDS
        elif kind is None:
            state.refused_until = 0.0
        state.trial = [True]


def _take(trial: list[bool]) -> bool:
    try:
        return trial.pop()
    except IndexError:
        return False
