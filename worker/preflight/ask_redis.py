"""Asks the journal's Redis about itself, in a few round trips."""

import re
from dataclasses import replace
from time import monotonic, time
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from config.settings import Settings
from convertro.connection import kind_of
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS, connect_journal
from worker.preflight.address import address_of
from worker.preflight.redis_checks import NoAnswer, RedisAnswer, RedisFacts, Why
from worker.preflight.rights import journal_trials, missing_rights

#: A script that adds an entry to the dead letters and removes it again. It tries the removal first,
#: so that nothing is left if a command is forbidden. It may run while Redis is full, as steps that
#: bury may. The second key is on another node of a cluster if the prefix has no hash tag.
_PROBE = """#!lua flags=allow-oom
redis.call('EXISTS', ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])
"""


#: The place in a script at which an error occurred, which means nothing to an operator.
_PLACE_IN_SCRIPT = re.compile(r" script: (\S+, )?on @user_script.*$")


def ask_redis(settings: Settings, timeout_seconds: float = WORKER_TIMEOUT_SECONDS) -> RedisAnswer:
    """Ask the journal's Redis for all facts that are checked.

    Args:
        settings: The settings, which name the Redis and the prefix of the journal's keys.
        timeout_seconds: The longest wait for a connection, and again for an answer.
    """
    address = address_of(settings.redis_url.get_secret_value())
    try:
        with connect_journal(settings, timeout_seconds) as redis:
            facts = _facts(redis, address, settings.key_prefix)
            trials = journal_trials(settings.key_prefix, fsync=settings.durability == "fsync")
            missing = missing_rights(redis, trials)
            return replace(facts, missing_rights=tuple(missing))
    except RedisError as error:
        return NoAnswer(address, _why(error), _reason(error))


def _why(error: RedisError) -> Why:
    if isinstance(error, BusyLoadingError):
        return Why.LOADING
    if str(error).startswith("BUSY "):
        return Why.BUSY
    if isinstance(error, AuthenticationError | AuthorizationError):
        return Why.REFUSED
    passes = isinstance(error, RedisConnectionError | RedisTimeoutError)
    return Why.AWAY if passes else Why.REFUSED


def _facts(redis: Redis, address: str, prefix: str) -> RedisFacts:
    pipeline = redis.pipeline(transaction=False)
    pipeline.info()
    pipeline.config_get("save", "appendfsync")
    pipeline.eval(_PROBE, 1, f"{prefix}dead", f"preflight-{uuid4().hex}", f"{prefix}due")
    info, config, dead = pipeline.execute(raise_on_error=False)
    refused = isinstance(dead, ResponseError)
    if refused and _why(dead) is Why.BUSY:
        raise dead
    skew_seconds, round_trip_seconds = _clock(redis)
    return RedisFacts(
        address=address,
        info={} if isinstance(info, ResponseError) else info,
        config={} if isinstance(config, ResponseError) else config,
        skew_seconds=skew_seconds,
        round_trip_seconds=round_trip_seconds,
        dead=None if refused else int(dead),
        refusal=_reason(dead) if refused else "",
    )


def _clock(redis: Redis) -> tuple[float | None, float]:
    """Measure this machine's clock minus Redis's clock, and how long that took, in seconds."""
    asked_at = monotonic()
    try:
        answer: Any = redis.time()
    except ResponseError:
        return None, monotonic() - asked_at
    round_trip_seconds = monotonic() - asked_at
    seconds, microseconds = answer
    then = time() - round_trip_seconds / 2
    return then - seconds - microseconds / 1_000_000, round_trip_seconds


def _reason(error: Exception) -> str:
    """Write an error as the journal does, but without the place in a script."""
    said = _PLACE_IN_SCRIPT.sub("", " ".join(str(error).split())).rstrip(".")
    return f"{kind_of(error)}: {said}"
