"""The journal: where every event lives from its acceptance until it is done.

Each step is one Lua script, so each is atomic. Nothing else writes to the journal's keys.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import time
from typing import Any

from redis import Redis

from config.settings import LONGEST_LEASE_SECONDS, Settings
from convertro.errors import ConvertroError
from convertro.intake_journal import FORMAT, Clock, fresh_tokens
from convertro.scripts import Constant
from worker.journal.endings import DELIVERED_LETTER, DISCARDED_LETTERS, SKIPPED_LETTERS
from worker.journal.histogram import BOUNDS_MS
from worker.journal.reading import LUA, ReadableJournal
from worker.journal.records import (
    SUSPECT_LEASES,
    Claim,
    ClaimedEvent,
    ClaimState,
    Erased,
    Finish,
    Finished,
    Worth,
    read_record,
)
from worker.reasons import DeathReason, DiscardReason, Note, SkipReason

#: The formats of clients that workers serve: the one before this one knew nothing of formats.
_CLIENT_FORMATS = (FORMAT - 1, FORMAT)

#: Events that an operator moves in one step: some 50 to 90 µs each, during which Redis does nothing
#: else.
MOVED_AT_ONCE = 50

#: What became of a finish, as scripts say it.
_FINISHED = {finished.value.encode(): finished for finished in Finished}

#: An event, and when it died, in unix milliseconds: not what it dies of after it was chosen.
Death = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Resumed:
    """The answer to a resume."""

    was_paused: bool
    #: The breaker still holds, and probes now.
    is_open: bool


class Disagreement(ConvertroError):  # noqa: N818  it says what is so
    """Workers of one journal say different things of what all must agree on."""

    def __init__(self, theirs: Mapping[str, str]) -> None:
        super().__init__(theirs)
        #: What the others say, by the names of `lua/shared.lua`.
        self.theirs = theirs


class Journal(ReadableJournal):
    """Every step that an event can take, each atomic.

    Every method raises `JournalUnavailable` if Redis does not carry it out.

    Args:
        redis: A client that does not decode answers.
        settings: Key prefix, lease, dedupe window and bounds.
        clock: Unix milliseconds; only tests bring one, otherwise Redis's own clock counts.
        shebang: Whether scripts begin with their flags, which Redis and Valkey understand.
        worker: The name under which the worker ticks that asks here, if one does.
    """

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        *,
        clock: Clock | None = None,
        shebang: bool = True,
        worker: str | None = None,
    ) -> None:
        self._asks = {"asks": worker} if worker else {}
        #: This machine's clock minus that of Redis, at the last tick.
        self.skew_seconds = 0.0
        super().__init__(
            redis,
            key_prefix=settings.key_prefix,
            constants=_constants(settings),
            fsync=settings.durability == "fsync",
            folders=(LUA,),
            clock=clock,
            shebang=shebang,
        )

    # What workers do

    def claim(  # noqa: PLR0913  a step that does two things at once
        self,
        wakeup: str,
        lease: str,
        limit: int,
        *,
        idle: bool,
        lingers: bool = False,
        finishes: Sequence[Finish] = (),
    ) -> Claim:
        """Claim up to `limit` due events for the deliver task that runs under `wakeup`.

        Args:
            wakeup: The task's wake-up token; it is renewed.
            lease: A fencing token that was never used before.
            limit: How many events the task can start at once.
            idle: The task has nothing in flight: if nothing is due it gives its token back.
            lingers: Unless it rather waits for more, and another task can be run besides.
            finishes: What the worker decided about earlier events; carried out first.
        """
        args = {
            "wakeup": wakeup,
            "lease": lease,
            "limit": limit,
            "idle": idle,
            "lingers": lingers,
            "finishes": finishes,
            **self._asks,
        }
        state, finished, news, wait_ms, *parts = self._run("claim", args)
        poisoned = _log_news(news)
        rows = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        return Claim(
            ClaimState(state.decode()),
            _finished(finished),
            tuple(
                ClaimedEvent(
                    event_id=event_id.decode(), lease=lease, raw=raw, record=read_record(text)
                )
                for event_id, raw, text in rows
            ),
            wait_ms,
            poisoned,
        )

    def wait(self, timeout_seconds: float) -> None:
        """Wait until an accept rings for a task that waits, or for so long."""
        self._call(self._redis.blpop, [self._key("bell")], timeout=timeout_seconds)

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Carry out what a worker decided about events that it claimed."""
        news, *finished = self._run("finish", {"finishes": finishes, **self._asks})
        _log_news(news)
        return _finished(finished)

    def release(self, wakeup: str, tokens: Sequence[str]) -> int:
        """Give a wake-up token back while work may remain; answers how many were rung."""
        return int(self._run("release", {"wakeup": wakeup, "tokens": list(tokens)}))

    def tick(
        self,
        worker: str,
        capacity: int,
        tokens: Sequence[str],
        foreign: Mapping[str, int] | None = None,
    ) -> int:
        """Say that a worker is alive, and ring for due events without a wake-up.

        Answers how many were rung; what the dead letters' bounds removed is logged.

        Args:
            worker: Its name.
            capacity: How many deliver tasks it runs at once.
            tokens: Wake-up tokens to offer.
            foreign: How many messages it dropped since its last tick, by kind.

        Raises:
            Disagreement: Another worker came before, with other values.
        """
        args = {
            "worker": f"{capacity} {worker}",
            "tokens": list(tokens),
            "foreign": foreign or {},
        }
        rung, news, found, now_ms = self._run("tick", args)
        self.skew_seconds = time() - now_ms / 1000
        _require_agreement(found)
        _log_news(news)
        return int(rung)

    def agree(self, worker: str) -> None:
        """Say what all workers and clients of the journal must agree on, before a worker starts.

        Raises:
            Disagreement: Another worker is alive, with other values.
        """
        _require_agreement(self._run("agree", {"worker": worker}))

    def forget(self, name: str) -> tuple[int, int]:
        """Take silent workers off the list; how many, and how many are alive and stay.

        Args:
            name: Of their node, or of one worker.
        """
        forgotten, alive = self._run("forget", {"name": name})
        return int(forgotten), int(alive)

    def take_entry(self, name: str) -> bytes | None:
        """Take the oldest entry out of a list in this Redis, whoever put it there."""
        entry: bytes | None = self._call(self._redis.rpop, name)
        return entry

    def leave_wakeup(self, where: str, template: bytes) -> None:
        """Tell clients where and how to wake workers.

        Args:
            where: The list in this Redis from which a broker takes wake-ups.
            template: One of them, with `WAKEUP_TOKEN` in place of its token.
        """
        self._run("leave_wakeup", {"list": where, "wakeup": template.decode()})

    def forget_wakeup(self) -> None:
        """Tell clients that their wake-ups reach no worker: the broker is elsewhere."""
        self._call(self._redis.hdel, self._key("shared"), "list", "wakeup")

    def leave(self, worker: str, capacity: int) -> None:
        """Say that a worker stops."""
        self._call(self._redis.zrem, self._key("workers"), f"{capacity} {worker}")
        self._call(self._redis.zrem, self._key("asked"), worker)

    # What operators do

    def redrive(self, deaths: Sequence[Death], *, offered: int = 0) -> tuple[bool, ...]:
        """Send dead letters back to be due now, and wake workers.

        Answers for each whether it was sent back, and had not died again since.

        Args:
            deaths: The letters, as they were chosen.
            offered: Most workers to wake.
        """
        tokens = fresh_tokens(offered)
        rung, where, template, *moved = self._run("redrive", {**_chosen(deaths), "tokens": tokens})
        self._push(where, template, tokens[:rung])
        return tuple(map(bool, moved))

    def discard(self, deaths: Sequence[Death], reason: DiscardReason) -> int:
        """Let dead letters go, unless they died again since; answers how many there were."""
        return sum(self._run("discard", {**_chosen(deaths), "reason": reason}))

    def erase(self, ids: Sequence[str]) -> tuple[Erased, ...]:
        """Take events out of the journal, ids and all, whatever is to become of them."""
        return tuple(Erased(word.decode()) for word in self._run("erase", {"ids": list(ids)}))

    def pause(self, reason: str) -> bool:
        """Hold delivery; False if it was held by hand before, which stays as it was."""
        return bool(self._run("pause", {"reason": reason}))

    def resume(self, *, bury_seconds: float = 0) -> Resumed:
        """End a pause; an open breaker may probe at once.

        Args:
            bury_seconds: For so long what is to be buried is buried, however much it is.
        """
        tokens = fresh_tokens(1)
        bury = {"bury_ms": int(bury_seconds * 1000)} if bury_seconds else {}
        rung, where, template, was_paused, is_open = self._run("resume", {"tokens": tokens, **bury})
        self._push(where, template, tokens[:rung])
        return Resumed(was_paused=bool(was_paused), is_open=bool(is_open))


def _constants(settings: Settings) -> dict[str, Constant]:
    """What scripts find under these names."""
    return {
        "FORMAT": str(FORMAT),
        "CLIENTS": f" {' '.join(map(str, _CLIENT_FORMATS))} ",
        "QUEUE": settings.queue,
        "DEDUPE": settings.dedupe_seconds * 1000,
        "LEASE_MS": int(settings.lease_seconds * 1000),
        "LONGEST_WAIT": 1000 * max(settings.retry_max_seconds, LONGEST_LEASE_SECONDS),
        "BATCH": settings.concurrency,
        "BREAKER_MIN": settings.breaker_min_count,
        "PROBE_MAX": settings.probe_max_seconds * 1000,
        "RATE": settings.max_requests_per_second,
        "SUSPECT": SUSPECT_LEASES,
        "BOUNDS": [bound for bound in BOUNDS_MS if bound < inf],
        "DEAD_MAX_COUNT": settings.dead_max_count,
        "DEAD_MAX_AGE": settings.dead_max_age_seconds * 1000,
        "DEAD_MAX_BYTES": settings.dead_max_bytes,
        "MOST_WORTH": int(Worth.REVENUE),
        "DEATH_REASONS": {reason: str(reason.fault) for reason in DeathReason},
        "DELIVERED": DELIVERED_LETTER,
        "SKIP_REASONS": {reason: SKIPPED_LETTERS[reason] for reason in SkipReason},
        "NOTES": {note: str(note) for note in Note},
        "DISCARD_REASONS": {reason: DISCARDED_LETTERS[reason] for reason in DiscardReason},
    }


def _log_news(news: bytes) -> tuple[str, ...]:
    """Log what a step did besides; answers the ids of what was buried as poison."""
    if not news:
        return ()
    from worker.journal.breaker_log import log_news  # noqa: PLC0415  structlog is slow to load

    return log_news(news)


def _finished(words: Iterable[bytes]) -> tuple[Finished, ...]:
    return tuple(map(_FINISHED.__getitem__, words))


def _chosen(deaths: Sequence[Death]) -> dict[str, Any]:
    return {
        "ids": [event_id for event_id, _ in deaths],
        "died": [died_at_ms for _, died_at_ms in deaths],
    }


def _require_agreement(found: Sequence[bytes]) -> None:
    words = [word.decode() for word in found]
    if words:
        raise Disagreement(dict(zip(words[::2], words[1::2], strict=True)))
