"""The journal: it holds every event from its acceptance until it is done.

Each step that moves events is one Lua script, so each is atomic. Outside of scripts only single
entries are removed: of workers, of wake-ups and of the bell.
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
    TaskState,
    Worth,
    read_record,
)
from worker.reasons import DeathReason, DiscardReason, Note, SkipReason

#: The formats of clients that workers serve. Clients of the former format do not check it.
_CLIENT_FORMATS = (FORMAT - 1, FORMAT)

#: Events that an operator's command moves in one step. Each takes Redis some 50 to 90 µs, in which
#: it does nothing else.
MOVED_AT_ONCE = 50

#: `Finished` by the words of the scripts.
_FINISHED = {finished.value.encode(): finished for finished in Finished}

#: A dead letter as it was chosen: its event's id, and when it died, in unix milliseconds. If the
#: event has died again since, that is another letter.
Death = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Resumed:
    """The answer to a resume."""

    was_paused: bool
    #: Whether the breaker is still open; then it probes now.
    is_open: bool


class Disagreement(ConvertroError):  # noqa: N818  the name states what is wrong
    """This worker's settings differ from another's where all workers of a journal must agree."""

    def __init__(self, theirs: Mapping[str, str]) -> None:
        super().__init__(theirs)
        #: The other workers' values, by the names of `lua/shared.lua`.
        self.theirs = theirs


class Journal(ReadableJournal):
    """The journal with all steps and looks, each step atomic.

    Every method raises `JournalUnavailable` if Redis does not carry it out.

    Args:
        redis: A client that does not decode answers.
        settings: Key prefix, lease, dedupe window and bounds.
        clock: Gives unix milliseconds, for tests; by default Redis's own clock counts.
        shebang: Whether scripts begin with flags and a check of rights; Redis and Valkey know both.
        worker: The name under which this process's worker ticks; None outside of workers.
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
        #: This machine's clock minus Redis's clock at the last tick.
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

    def claim(
        self,
        wakeup: str,
        lease: str,
        limit: int,
        *,
        task: TaskState = TaskState.ENDING,
        finishes: Sequence[Finish] = (),
    ) -> Claim:
        """Claim up to `limit` due events for the deliver task that runs under `wakeup`.

        Args:
            wakeup: The task's wake-up token; it is renewed.
            lease: The new lease's token, never used before.
            limit: How many events the task can take.
            task: What the task does; on this depends what happens if nothing is due.
            finishes: What the worker decided about earlier events; carried out first.
        """
        args = {
            "wakeup": wakeup,
            "lease": lease,
            "limit": limit,
            "task": task,
            "finishes": finishes,
            **self._asks,
        }
        state, finished, news, poisoned, wait_ms, *parts = self._run("claim", args)
        _log_news(news)
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
            tuple(event_id.decode() for event_id in poisoned),
        )

    def wait(self, timeout_seconds: float) -> None:
        """Wait until the bell is rung, for at most this many seconds."""
        self._call(self._redis.blpop, [self._key("bell")], timeout=timeout_seconds)

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Carry out what a worker decided about events that it claimed."""
        news, *finished = self._run("finish", {"finishes": finishes, **self._asks})
        _log_news(news)
        return _finished(finished)

    def release(self, wakeup: str, tokens: Sequence[str]) -> Sequence[str]:
        """Give back the token of a task that ends; register new ones for due events.

        Returns:
            The new tokens that were registered; the caller publishes them.
        """
        return tokens[: self._run("release", {"wakeup": wakeup, "tokens": list(tokens)})]

    def tick(
        self,
        worker: str,
        capacity: int,
        tokens: Sequence[str],
        foreign: Mapping[str, int] | None = None,
    ) -> Sequence[str]:
        """Record that a worker is alive, and register wake-ups for due events without one.

        It also removes dead letters beyond their bounds, and logs that.

        Args:
            worker: The worker's name.
            capacity: How many deliver tasks it runs at once.
            tokens: New wake-up tokens.
            foreign: How many messages it dropped since its last tick, by kind.

        Returns:
            The tokens that were registered; the caller publishes them.

        Raises:
            Disagreement: Another worker started before with other values.
        """
        args = {
            "worker": f"{capacity} {worker}",
            "tokens": list(tokens),
            "foreign": foreign or {},
        }
        wakeups, news, found, now_ms = self._run("tick", args)
        self.skew_seconds = time() - now_ms / 1000
        _require_agreement(found)
        _log_news(news)
        return tokens[:wakeups]

    def agree(self, worker: str) -> None:
        """Store, before a worker starts, the values on which all of the journal must agree.

        Raises:
            Disagreement: A live worker has other values, or the journal's format is newer.
        """
        _require_agreement(self._run("agree", {"worker": worker}))

    def forget(self, name: str) -> tuple[int, int]:
        """Remove silent workers from the list.

        Args:
            name: The name of their node, or of one worker.

        Returns:
            How many were removed, and how many of this name are alive and stay.
        """
        forgotten, alive = self._run("forget", {"name": name})
        return int(forgotten), int(alive)

    def take_entry(self, name: str) -> bytes | None:
        """Take the oldest entry from a list in this Redis that may not be the journal's."""
        entry: bytes | None = self._call(self._redis.rpop, name)
        return entry

    def leave_wakeup(self, where: str, template: bytes) -> None:
        """Store for clients how to wake workers.

        Args:
            where: The list in this Redis from which the broker takes wake-ups.
            template: A wake-up with `WAKEUP_TOKEN` in place of its token.
        """
        self._run("leave_wakeup", {"list": where, "wakeup": template.decode()})

    def forget_wakeup(self) -> None:
        """Stop clients from sending wake-ups, because the broker is not this Redis."""
        self._call(self._redis.hdel, self._key("shared"), "list", "wakeup")

    def leave(self, worker: str, capacity: int) -> None:
        """Remove a worker that stops from the list."""
        self._call(self._redis.zrem, self._key("workers"), f"{capacity} {worker}")
        self._call(self._redis.zrem, self._key("asked"), worker)

    # What operators do

    def redrive(self, deaths: Sequence[Death], *, offered: int = 0) -> tuple[bool, ...]:
        """Make dead letters due now, and wake workers.

        Args:
            deaths: The letters, as they were chosen.
            offered: The most deliver tasks to wake.

        Returns:
            For each letter whether it was redriven; not if it has died again since.
        """
        tokens = fresh_tokens(offered)
        args = {**_chosen(deaths), "tokens": tokens}
        wakeups, where, template, *moved = self._run("redrive", args)
        self._push(where, template, tokens[:wakeups])
        return tuple(map(bool, moved))

    def discard(self, deaths: Sequence[Death], reason: DiscardReason) -> tuple[bool, ...]:
        """Discard dead letters; return for each whether it was: not if it has died again since."""
        return tuple(map(bool, self._run("discard", {**_chosen(deaths), "reason": reason})))

    def erase(self, ids: Sequence[str]) -> tuple[Erased, ...]:
        """Remove events from the journal without remembering their ids, in whatever state."""
        return tuple(Erased(word.decode()) for word in self._run("erase", {"ids": list(ids)}))

    def pause(self, reason: str) -> bool:
        """Pause delivery; False if it was paused before, which changes nothing."""
        return bool(self._run("pause", {"reason": reason}))

    def resume(self, *, bury_seconds: float = 0) -> Resumed:
        """End a pause; an open breaker may probe at once.

        Args:
            bury_seconds: For how long burials do not open the breaker, however many they are.
        """
        tokens = fresh_tokens(1)
        bury = {"bury_ms": int(bury_seconds * 1000)} if bury_seconds else {}
        args = {"tokens": tokens, **bury}
        wakeups, where, template, was_paused, is_open = self._run("resume", args)
        self._push(where, template, tokens[:wakeups])
        return Resumed(was_paused=bool(was_paused), is_open=bool(is_open))


def _constants(settings: Settings) -> dict[str, Constant]:
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


def _log_news(news: bytes) -> None:
    if news:
        from worker.journal.breaker_log import log_news  # noqa: PLC0415  structlog is slow to load

        log_news(news)


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
