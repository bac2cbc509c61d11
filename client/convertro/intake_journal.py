"""The journal as producers use it: one step, which takes events in.

The worker's `Journal` adds all other steps; the keys and the way to Redis are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from convertro.connection import is_demoted, is_own_fault
from convertro.errors import JournalUnavailable
from convertro.fsync import evaluate_on_disk
from convertro.scripts import LUA, Constant, Scripts

#: How long a wake-up counts without a sign of life from its deliver task. Long enough for
#: a message to travel, short enough that a lost one delays an event by seconds only.
_WAKEUP_TTL_MS = 5_000

#: How long a worker's capacity counts after its last tick; ticks come every second.
WORKER_TTL_MS = 5_000

#: What is counted is kept apart for each so many milliseconds, for so many such times.
SLOT_MS = 10_000
SLOTS = 90

#: From this share of Redis's memory on intake refuses events: the rest is for the workers.
FULL_SHARE = 0.9

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an accept."""

    #: For each event: True if it is new, False if its id was known.
    new: tuple[bool, ...]
    #: How many of the offered wake-up tokens are to be published.
    rung: int


class IntakeJournal:
    """Takes events in, each step atomic.

    Every method raises `JournalUnavailable` if Redis does not carry it out, for whatever reason
    but a fault of this program: that stays redis-py's error.

    Args:
        redis: A client that does not decode answers.
        key_prefix: With which every key begins.
        constants: What all of one journal agree upon; scripts find it under these names.
        fsync: Whether an event counts as taken in only once it is on the disk of Redis.
        folders: Where further scripts are.
        clock: Unix milliseconds; only tests bring one, otherwise Redis's own clock counts.
        shebang: Whether scripts begin with their flags, which Redis and Valkey understand.
    """

    def __init__(  # noqa: PLR0913  every dependency is an argument
        self,
        redis: Redis,
        *,
        key_prefix: str,
        constants: Mapping[str, Constant],
        fsync: bool = False,
        folders: Sequence[Path] = (),
        clock: Clock | None = None,
        shebang: bool = True,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._fsync = fsync
        self._key_prefix = key_prefix
        constants = {
            **constants,
            "WAKEUP_TTL": _WAKEUP_TTL_MS,
            "WORKER_TTL": WORKER_TTL_MS,
            "SLOT": SLOT_MS,
            "SLOTS": SLOTS,
            "FULL_SHARE": FULL_SHARE,
        }
        self._scripts = Scripts(redis, key_prefix, constants, (LUA, *folders), shebang=shebang)

    def accept(self, events: Sequence[tuple[str, bytes]], tokens: Sequence[str]) -> Accepted:
        """Take events in, each as its id and raw bytes; known ids change nothing.

        Args:
            events: At least one.
            tokens: Wake-up tokens to offer.
        """
        rows = [part for event_id, raw in events for part in (event_id.encode(), raw)]
        rung, *new = self._run("accept", {}, " ".join(tokens).encode(), *rows)
        return Accepted(tuple(bool(flag) for flag in new), rung)

    def _key(self, name: str) -> str:
        """A key by its name, of those that `lua/common.lua` describes."""
        return f"{self._key_prefix}{name}"

    def _run(self, name: str, args: dict[str, Any], *rest: bytes) -> Any:
        """Carry out one script."""
        if self._clock is not None:
            args["now"] = self._clock()
        if self._fsync and name == "accept":
            evaluate = partial(evaluate_on_disk, self._redis)
            return self._call(self._scripts.run_by, evaluate, name, args, *rest)
        return self._call(self._scripts.run, name, args, *rest)

    def _call(self, command: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """The one place where Redis's errors become ours."""
        try:
            return command(*args, **named)
        except RedisError as error:
            if is_own_fault(error):
                raise
            if is_demoted(error):  # look for the new master
                self._redis.connection_pool.disconnect(inuse_connections=False)
                self._scripts.disconnect()
            raise JournalUnavailable(f"{type(error).__name__}: {error}") from error
