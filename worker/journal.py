"""The journal: where every event lives from its acceptance until it is done.

Each step is one Lua script in `worker/lua`, so each is atomic. Nothing else
writes to the journal's keys.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from config.settings import Settings
from worker.connection import is_demoted
from worker.durability import evaluate_on_disk
from worker.errors import JournalUnavailable
from worker.news import log_news
from worker.records import (
    Claim,
    ClaimedEvent,
    ClaimState,
    Erased,
    Finish,
    Finished,
    Record,
    SentCall,
)
from worker.scripts import Scripts
from worker.snapshot import WORKER_TTL_MS, Memory, Snapshot

#: How long a wake-up counts without a sign of life from its deliver task. Long enough for
#: a message to travel, short enough that a lost one delays an event by seconds only.
WAKEUP_TTL_MS = 5_000

#: Dead letters removed in one tick at most, so that a tick stays short.
DEAD_STEP = 1_000

#: Ids looked at in one step of a listing or an audit.
PAGE = 500

#: The journal's keys after their prefix, in the order in which every script is given them.
KEYS = (
    "events",
    "due",
    "progress",
    "dead",
    "done:",
    "counters",
    "wakeups",
    "workers",
    "claimed",
    "breaker",
    "pause",
    "pace",
    "tried",
    "deaths",
    "sent",
    "recent:",
    "latest",
    "asked",
    "bell",
)

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an accept."""

    #: For each event: True if it is new, False if its id was known.
    new: tuple[bool, ...]
    #: How many of the offered wake-up tokens are to be published.
    rung: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The answer to a worker's heartbeat."""

    rung: int
    #: Dead letters that were removed, by age and by count.
    expired: tuple[str, ...]
    overflow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resumed:
    """The answer to a resume."""

    rung: int
    was_paused: bool
    #: The breaker still holds, and probes now.
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where one event is."""

    #: `due`, `claimed`, `waiting`, `dead`, `finished` or `unknown`.
    place: str
    #: When it may be claimed, or when it died; unix milliseconds.
    at_ms: int | None = None
    record: Record | None = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that we gave up on, without its content."""

    event_id: str
    died_at_ms: int
    record: Record


class Journal:
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
        self._redis = redis
        self._clock = clock
        self._key = {name: f"{settings.key_prefix}{name}" for name in KEYS}
        self._fsync = settings.durability == "fsync"
        self._asks = {"asks": worker} if worker else {}
        constants = {
            "dedupe": settings.dedupe_seconds * 1000,
            "lease_ms": int(settings.lease_seconds * 1000),
            "batch": settings.concurrency,
            "wakeup_ttl": WAKEUP_TTL_MS,
            "worker_ttl": WORKER_TTL_MS,
            "breaker_window": settings.breaker_window_seconds * 1000,
            "breaker_min": settings.breaker_min_count,
            "breaker_ratio": settings.breaker_ratio,
            "probe_max": settings.probe_max_seconds * 1000,
            "rate": settings.max_requests_per_second,
            "dead_max_count": settings.dead_max_count,
            "dead_max_age": settings.dead_max_age_seconds * 1000,
            "dead_step": DEAD_STEP,
        }
        self._scripts = Scripts(redis, [*self._key.values()], constants, shebang=shebang)

    # What producers do

    def accept(self, events: Sequence[tuple[str, bytes]], tokens: Sequence[str]) -> Accepted:
        """Take events in, each as its id and raw bytes; known ids change nothing."""
        rows = [part for event_id, raw in events for part in (event_id.encode(), raw)]
        rung, *new = self._run("accept", {}, " ".join(tokens).encode(), *rows)
        return Accepted(tuple(bool(flag) for flag in new), rung)

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
            **self._asks,
        }
        listed = [finish.as_json() for finish in finishes]
        state, finished, news, wait_ms, *parts = self._run("claim", {**args, "finishes": listed})
        poisoned = log_news(news)
        rows = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        return Claim(
            ClaimState(state.decode()),
            _finished(finished),
            tuple(
                ClaimedEvent(
                    event_id=event_id.decode(), lease=lease, raw=raw, record=Record.from_json(text)
                )
                for event_id, raw, text in rows
            ),
            wait_ms,
            poisoned,
        )

    def wait(self, timeout_seconds: float) -> None:
        """Wait until an accept rings for a task that waits, or for so long."""
        self._call(self._redis.blpop, [self._key["bell"]], timeout=timeout_seconds)

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Carry out what a worker decided about events that it claimed."""
        listed = [finish.as_json() for finish in finishes]
        news, *finished = self._run("finish", {"finishes": listed, **self._asks})
        log_news(news)
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
    ) -> Tick:
        """Say that a worker is alive, and ring for due events without a wake-up.

        Args:
            worker: Its name.
            capacity: How many deliver tasks it runs at once.
            tokens: Wake-up tokens to offer.
            foreign: How many messages it dropped since its last tick, by kind.
        """
        args = {
            "worker": f"{capacity} {worker}",
            "tokens": list(tokens),
            "foreign": foreign or {},
        }
        rung, expired, overflow = self._run("tick", args)
        return Tick(rung, _ids(expired), _ids(overflow))

    def leave(self, worker: str, capacity: int) -> None:
        """Say that a worker stops."""
        self._call(self._redis.zrem, self._key["workers"], f"{capacity} {worker}")
        self._call(self._redis.zrem, self._key["asked"], worker)

    # What operators do

    def redrive(self, ids: Sequence[str], tokens: Sequence[str]) -> Accepted:
        """Send dead letters back to be due now."""
        rung, *moved = self._run("redrive", {"ids": list(ids), "tokens": list(tokens)})
        return Accepted(tuple(bool(flag) for flag in moved), rung)

    def discard(self, ids: Sequence[str], reason: str) -> int:
        """Let dead letters go; answers how many there were."""
        return sum(self._run("discard", {"ids": list(ids), "reason": reason}))

    def erase(self, ids: Sequence[str]) -> tuple[Erased, ...]:
        """Take events out of the journal, ids and all, whatever is to become of them."""
        return tuple(Erased(word.decode()) for word in self._run("erase", {"ids": list(ids)}))

    def pause(self, reason: str) -> bool:
        """Hold delivery; False if it was held by hand before, which stays as it was."""
        return bool(self._run("pause", {"reason": reason}))

    def resume(self, tokens: Sequence[str], *, bury_seconds: float = 0) -> Resumed:
        """End a pause; an open breaker may probe at once.

        Args:
            tokens: Wake-up tokens to offer.
            bury_seconds: For so long what is to be buried is buried, however much it is.
        """
        bury = {"bury_ms": int(bury_seconds * 1000)} if bury_seconds else {}
        rung, was_paused, is_open = self._run("resume", {"tokens": list(tokens), **bury})
        return Resumed(rung, was_paused=bool(was_paused), is_open=bool(is_open))

    def look(self, event_id: str) -> Sighting:
        """Find one event."""
        place, at, record, raw = self._run("look", {"id": event_id})
        return Sighting(
            place=place.decode(),
            at_ms=int(float(at)) if at else None,
            record=Record.from_json(record) if record else None,
            raw=raw or None,
        )

    def dead_letters(self, since_ms: int = 0) -> Iterator[DeadLetter]:
        """The dead letters, oldest first; what dies after the start is not included.

        Read in pages that begin where the last one ended, so that it does no harm if the
        caller, or anybody else, removes some meanwhile.
        """
        until_ms = self.snapshot().now_ms
        seen: set[bytes] = set()
        while page := self._dead_page(since_ms, until_ms, seen):
            records = self._call(
                self._redis.hmget, self._key["progress"], [event_id for event_id, _ in page]
            )
            for (event_id, died_at), record in zip(page, records, strict=True):
                if record is not None:
                    yield DeadLetter(
                        event_id=event_id.decode(),
                        died_at_ms=int(died_at),
                        record=Record.from_json(record),
                    )
            last_ms = int(page[-1][1])
            seen = {event_id for event_id, died_at in page if died_at == last_ms} | (
                seen if last_ms == since_ms else set()
            )
            since_ms = last_ms

    def _dead_page(
        self, since_ms: int, until_ms: int, seen: set[bytes]
    ) -> list[tuple[bytes, float]]:
        """The next ids and times of death, without those seen in the same millisecond."""
        page = self._call(
            self._redis.zrange,
            self._key["dead"],
            since_ms,
            until_ms,
            byscore=True,
            offset=0,
            num=PAGE + len(seen),
            withscores=True,
        )
        return [(event_id, died_at) for event_id, died_at in page if event_id not in seen]

    def sent_calls(self, ids: Sequence[str]) -> list[SentCall | None]:
        """The call of each dead letter that failed last, as it was sent; None if not known."""
        stored = self._call(self._redis.hmget, self._key["sent"], list(ids))
        return [SentCall.from_json(text) if text else None for text in stored]

    def tried_before(self, at_ms: int) -> int:
        """How many events that are not finished were tried first before a time."""
        return int(self._call(self._redis.zcount, self._key["tried"], "-inf", f"({at_ms}"))

    def all_raw_events(self) -> Iterator[tuple[str, bytes]]:
        """Every event with its id, in no order; one may come twice."""
        for event_id, raw in self._rows(self._redis.hscan_iter(self._key["events"], count=PAGE)):
            yield event_id.decode(), raw

    def memory(self) -> Memory:
        """How full Redis is."""
        facts = self._call(self._redis.info, "memory")
        return Memory(used=int(facts["used_memory"]), bound=int(facts.get("maxmemory", 0)))

    def raw_events(self, ids: Sequence[str]) -> list[bytes | None]:
        """The raw events of some ids, None for those that are not here."""
        return list(self._call(self._redis.hmget, self._key["events"], list(ids)))

    def snapshot(self, *, recent: bool = False) -> Snapshot:
        """Everything that can be counted, at one instant.

        Args:
            recent: With what was counted in each ten seconds of the last quarter of an hour.
        """
        return Snapshot.from_answer(self._run("snapshot", {"recent": recent}))

    def inspect(self) -> Iterator[tuple[str, str]]:
        """Check every event; yields the id of each that is wrong and what is wrong."""
        for page in self._pages():
            for event_id, problem in zip(page, self._run("inspect", {"ids": page}), strict=True):
                if problem:
                    yield event_id, problem.decode()

    def _pages(self) -> Iterator[list[str]]:
        """Every id in every key, a page at a time; one that moves may come twice."""
        scans: tuple[Iterable[Any], ...] = (
            self._redis.zscan_iter(self._key["due"], count=PAGE),
            self._redis.zscan_iter(self._key["dead"], count=PAGE),
            self._redis.zscan_iter(self._key["claimed"], count=PAGE),
            self._redis.zscan_iter(self._key["tried"], count=PAGE),
            self._redis.hscan_iter(self._key["progress"], count=PAGE),
            self._redis.hscan_iter(self._key["sent"], count=PAGE),
            self._redis.hscan_iter(self._key["events"], count=PAGE),
        )
        for scan in scans:
            yield from _grouped(row[0].decode() for row in self._rows(scan))

    def _rows(self, scan: Iterable[Any]) -> Iterator[Any]:
        """The rows of a scan, whose round trips may fail as any other."""
        rows = iter(scan)
        while (row := self._call(next, rows, None)) is not None:
            yield row

    # How a step reaches Redis

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
            if is_demoted(error):  # look for the new master
                self._redis.connection_pool.disconnect(inuse_connections=False)
                self._scripts.disconnect()
            raise JournalUnavailable(f"{type(error).__name__}: {error}") from error


def _finished(words: Iterable[bytes]) -> tuple[Finished, ...]:
    return tuple(Finished(word.decode()) for word in words)


def _ids(members: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(member.decode() for member in members)


def _grouped(ids: Iterable[str]) -> Iterator[list[str]]:
    page: list[str] = []
    for event_id in ids:
        page.append(event_id)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
