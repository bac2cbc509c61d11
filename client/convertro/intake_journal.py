"""The part of the journal that producers use: the step that accepts events and wakes workers.

The worker's `Journal` inherits from it and adds all other steps.
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

from convertro.connection import is_demoted, is_own_fault, is_too_old, kind_of
from convertro.connection_pool import Connections
from convertro.errors import JournalUnavailable
from convertro.fsync import evaluate_on_disk
from convertro.scripts import LUA, Constant, Scripts

#: The version of the journal's data in Redis; `docs/compatibility.md` says which work together.
FORMAT = 2

#: The placeholder for the token in the wake-up that workers leave for clients as a template.
WAKEUP_TOKEN = b"WAKEUP-TOKEN"

#: How long a wake-up counts without a sign of life from its deliver task. It is long enough for
#: the message to arrive, and short enough that a lost one delays an event by seconds only.
_WAKEUP_TTL_MS = 5_000

#: How long a worker counts as alive after its last tick; it ticks every second.
WORKER_TTL_MS = 5_000

#: The length of one slot of counters, in milliseconds, and how many past slots are kept.
SLOT_MS = 10_000
SLOTS = 90

#: The share of Redis's memory beyond which no event is accepted; the rest is for the workers.
FULL_SHARE = 0.9

Clock = Callable[[], int]

log = logging.getLogger(__name__)


class IntakeJournal:
    """Accepts events, each step atomic.

    Every method raises `JournalUnavailable` if Redis does not carry out its step. Only if this
    program is at fault, by a wrong command or script, it raises redis-py's error.

    Args:
        redis: A client that does not decode answers.
        key_prefix: The beginning of every key.
        constants: The values of names that scripts use, the same in all processes of a journal.
        fsync: Whether an event is accepted only once it is on the disk of Redis.
        folders: The folders of further scripts.
        clock: Gives unix milliseconds, for tests; by default Redis's own clock counts.
        shebang: Whether scripts begin with flags and a check of rights; Redis and Valkey know both.
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
        """Accept events; an id that the journal knows changes nothing.

        Args:
            events: At least one, each as its id and its bytes.
            offered: The most deliver tasks to wake.

        Returns:
            For each event whether it is new.
        """
        rows = [part for event_id, raw in events for part in (event_id.encode(), raw)]
        tokens = fresh_tokens(offered)
        wakeups, where, template, *new = self._run("accept", {}, " ".join(tokens).encode(), *rows)
        self._push(where, template, tokens[:wakeups])
        return tuple(map(bool, new))

    def disconnect(self) -> None:
        """Close the idle connections."""
        self._redis.connection_pool.disconnect(inuse_connections=False)
        self._connections.disconnect()

    def _push(self, where: bytes, template: bytes, tokens: Sequence[str]) -> None:
        """Put a wake-up for each token into the list from which workers take them; never raise.

        If it fails, the events are in the journal all the same, and tickers send the wake-ups.
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
        """Remove the wake-ups' tokens, so that the next tick sends wake-ups in their place."""
        key, members = self._key("wakeups").encode(), [token.encode() for token in tokens]
        with suppress(RedisError):
            self._connections.command(b"ZREM", key, *members)

    def _key(self, name: str) -> str:
        """Give the full name of a key that `lua/common.lua` describes."""
        return f"{self._key_prefix}{name}"

    def _run(self, name: str, args: dict[str, Any], *rest: bytes) -> Any:
        if self._clock is not None:
            args["now"] = self._clock()
        if self._fsync and name == "accept":
            evaluate = partial(evaluate_on_disk, self._redis)
            return self._call(self._scripts.run_by, evaluate, name, args, *rest)
        return self._call(self._scripts.run, name, args, *rest)

    def _call(self, command: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Translate Redis's errors, for all methods, into `JournalUnavailable`."""
        try:
            return command(*args, **named)
        except RedisError as error:
            _drop_quotation(error)
            if is_too_old(error):
                raise JournalUnavailable(
                    "this server is too old: use Redis or Valkey 7.0 or newer"
                ) from error
            if is_own_fault(error):
                raise
            if is_demoted(error):  # new connections go to the new master
                self.disconnect()
            if served := _served_formats(error):
                raise JournalUnavailable(
                    f"its workers serve clients of format {served}, and this one is of format "
                    f"{FORMAT}: upgrade whichever is older"
                ) from error
            raise JournalUnavailable(f"{kind_of(error)}: {error}") from error


def fresh_tokens(number: int) -> list[str]:
    """Make random wake-up tokens; each becomes the id of a Celery task."""
    return [token_hex(16) for _ in range(number)]


def _drop_quotation(error: RedisError) -> None:
    """Remove the arguments of an unknown command that Redis quotes: they may be an event's."""
    said, quotation, _ = str(error).partition(", with args beginning with")
    if quotation:
        error.args = (said,)


def _served_formats(error: RedisError) -> str:
    """Read which formats of clients the workers serve; empty unless that is the error."""
    word, _, formats = str(error).partition(" ")
    return " and ".join(formats.split()) if word == "FORMAT" else ""
