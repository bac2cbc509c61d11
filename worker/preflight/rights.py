"""Tries whether the Redis user may give all commands of a worker, on keys made for this check.

If an ACL denies a command, a worker fails at it later, again and again. This module has the
commands of the journal; `broker_rights.py` has those of the broker.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha1
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import ExecAbortError, NoPermissionError, ResponseError

#: A command, the key on which it is tried, and its further arguments.
Trial = tuple[str, str, tuple[object, ...]]

_NOTHING = "return 1"
_DIGEST = sha1(_NOTHING.encode(), usedforsecurity=False).hexdigest()

#: What is added to a command that the server does not know.
_DISABLED = " (disabled in this Redis)"

#: The random part of a key; messages show `*` in its place.
_CHANCE = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

#: Commands, each with the arguments after its key.
Commands = tuple[tuple[object, ...], ...]

#: The commands of the journal, for a key of each type; the last one removes the key.
_OF_JOURNAL: tuple[Commands, ...] = (
    (
        *(("HSET", "a", 1), ("HSETNX", "b", 1), ("HINCRBY", "a", 1), ("HGET", "a"), ("HMGET", "a")),
        *(("HGETALL",), ("HEXISTS", "a"), ("HLEN",), ("HSTRLEN", "a"), ("HSCAN", 0), ("HDEL", "a")),
        *(("PEXPIRE", 1000), ("UNLINK",)),
    ),
    (
        *(("ZADD", 1, "a"), ("ZSCORE", "a"), ("ZCARD",), ("ZCOUNT", 0, 1), ("ZRANGE", 0, 1)),
        *(("ZRANGEBYSCORE", 0, 1), ("ZREVRANGEBYSCORE", 1, 0), ("ZSCAN", 0), ("ZREM", "b")),
        *(("ZMSCORE", "a"), ("ZREMRANGEBYSCORE", 0, 0), ("UNLINK",)),
    ),
    (("SADD", "a"), ("SISMEMBER", "a"), ("SCARD",), ("SREM", "b"), ("UNLINK",)),
    (
        *(("LPUSH", "a", "b"), ("RPUSH", "c"), ("LLEN",), ("LRANGE", 0, -1), ("RPOP",)),
        *(("LPOP",), ("BLPOP", 0.01), ("UNLINK",)),
    ),
    (("SET", "a"), ("GET",), ("EXISTS",), ("DEL",)),
)


def journal_trials(prefix: str, *, fsync: bool = False) -> Iterator[Trial]:
    """List all commands of the journal's steps.

    Args:
        prefix: The beginning of the journal's keys.
        fsync: Whether an `enqueue` waits for the disk.
    """
    for commands in _OF_JOURNAL:
        key = f"{prefix}preflight-{uuid4().hex}"
        for command, *rest in commands:
            yield str(command), key, tuple(rest)
    key = f"{prefix}preflight-{uuid4().hex}"
    yield "TIME", "", ()
    yield "EVAL", "", (_NOTHING, 1, key)
    yield "EVALSHA", "", (_DIGEST, 1, key)
    if fsync:
        yield "WAITAOF", "", (0, 0, 0)


def script_trials() -> Iterator[Trial]:
    """List how Celery's Redis transport stores a script and runs it."""
    yield "SCRIPT LOAD", "", (_NOTHING,)
    yield "EVALSHA", "", (_DIGEST, 0)


def missing_rights(redis: Redis, trials: Iterable[Trial]) -> list[str]:
    """List the commands that are forbidden to the user, or disabled, each with its key.

    Raises:
        RedisError: Redis is unavailable, or refuses the connection.
    """
    tried = list(trials)
    pipeline: Any = redis.pipeline(transaction=False)
    for command, key, rest in tried:
        pipeline.execute_command(command, *([key] if key else []), *rest)
    answers = pipeline.execute(raise_on_error=False)
    return [
        f"{command} {_CHANCE.sub('*', key)}".rstrip() + (_DISABLED if _is_unknown(answer) else "")
        for (command, key, _), answer in zip(tried, answers, strict=True)
        if isinstance(answer, NoPermissionError | ExecAbortError) or _is_unknown(answer)
    ]


def _is_unknown(answer: object) -> bool:
    """Whether a server does not know the command: a managed service may have disabled it."""
    return isinstance(answer, ResponseError) and str(answer).startswith("unknown command")
