"""The journal as producers use it: one step, which takes events in and wakes workers.

The worker's `Journal` adds all other steps; the keys and the way to Redis are the same.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from convertro.connection import is_demoted, is_own_fault
from convertro.connection_pool import Connections
from convertro.errors import JournalUnavailable
from convertro.fsync import evaluate_on_disk
from convertro.scripts import LUA, Constant, Scripts

#: The number of what the journal's keys hold; `docs/compatibility.md` says which go together.
FORMAT = 2

#: What stands for the token in the wake-up that workers leave for clients.
WAKEUP_TOKEN = b"WAKEUP-TOKEN"

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

log = logging.getLogger(__name__)


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
            "CLIENT_FORMAT": f" {FORMAT} ",
        }
        self._connections = Connections(redis)
        self._cannot_push = False
        self._scripts = Scripts(
            self._connections, key_prefix, constants, (LUA, *folders), shebang=shebang
        )

    def accept(self, events: Sequence[tuple[str, bytes]], *, offered: int = 0) -> tuple[bool, ...]:
        """Take events in, each as its id and raw bytes; known ids change nothing.

        Answers for each event whether it is new.

        Args:
            events: At least one.
            offered: Most workers to wake.
        """
        rows = [part for event_id, raw in events for part in (event_id.encode(), raw)]
        tokens = fresh_tokens(offered)
        rung, where, template, *new = self._run("accept", {}, " ".join(tokens).encode(), *rows)
        self._push(where, template, tokens[:rung])
        return tuple(map(bool, new))

    def disconnect(self) -> None:
        """Close the connections that nothing uses now."""
        self._redis.connection_pool.disconnect(inuse_connections=False)
        self._connections.disconnect()

    def _push(self, where: bytes, template: bytes, tokens: Sequence[str]) -> None:
        """Put a wake-up for each token where a worker's broker takes them from; never raises.

        Whatever is in the way, the events are in the journal, and tickers ring for them.
        """
        if not tokens:
            return
        wakeups = [template.replace(WAKEUP_TOKEN, token.encode()) for token in tokens]
        try:
            self._connections.command(b"LPUSH", where, *wakeups)
        except RedisError as error:
            if not self._cannot_push:
                log.warning("a wake-up could not be put into the queue: %s", type(error).__name__)
            self._cannot_push = True
            self._take_back(tokens)
        else:
            self._cannot_push = False

    def _take_back(self, tokens: Sequence[str]) -> None:
        """Let the wake-ups count no longer, so that the next tick rings."""
        key, members = self._key("wakeups").encode(), [token.encode() for token in tokens]
        with suppress(RedisError):
            self._connections.command(b"ZREM", key, *members)

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
            _drop_quotation(error)
            if is_own_fault(error):
                raise
            if is_demoted(error):  # look for the new master
                self.disconnect()
            if served := _served_formats(error):
                raise JournalUnavailable(
                    f"its workers serve clients of format {served}, and this one is of format "
                    f"{FORMAT}: upgrade whichever is older"
                ) from error
            raise JournalUnavailable(f"{type(error).__name__}: {error}") from error


def fresh_tokens(number: int) -> list[str]:
    """Wake-up tokens that were never used before; each is the id of its Celery task."""
    return [token_hex(16) for _ in range(number)]


def _drop_quotation(error: RedisError) -> None:
    """Take out what Redis quotes of a command that it does not know: it may be of an event."""
    said, quotation, _ = str(error).partition(", with args beginning with")
    if quotation:
        error.args = (said,)


def _served_formats(error: RedisError) -> str:
    """Which formats of clients workers serve, if that is why a step was refused."""
    word, _, formats = str(error).partition(" ")
    return " and ".join(formats.split()) if word == "FORMAT" else ""
