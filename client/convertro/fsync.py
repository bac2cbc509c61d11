"""Writes that count only when they are on the disk of the Redis that took them.

A script and the question whether it is on disk travel in one round trip. `WAITAOF` alone
does not settle it: with `appendfsync everysec` Valkey 9.1 and early releases of Redis 7.4
answer it before they call fsync. So the policy is asked for too, and has to be `always`.
"""

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import NoScriptError, RedisError

from convertro.errors import JournalUnavailable

#: With `appendfsync always` the answer is there at once; a producer's timeout is 900 ms.
_WAIT_MS = 500

#: The end of each refusal: the write itself has been carried out.
_SAFE = "the event may be in the journal, and enqueueing it again is safe"


def evaluate_on_disk(redis: Redis, source: str, digest: str, parts: tuple[Any, ...]) -> Any:
    """Carry out a script and make sure that what it wrote is on disk.

    Raises:
        JournalUnavailable: It is not, or nobody can say; the script was carried out.
        RedisError: The script was refused.
    """
    answer, synced, policy = _ask(redis, lambda pipeline: pipeline.evalsha(digest, *parts))
    if isinstance(answer, NoScriptError):  # Redis is new or its script cache was wiped
        answer, synced, policy = _ask(redis, lambda pipeline: pipeline.eval(source, *parts))
    if isinstance(answer, RedisError):
        raise answer
    _require_on_disk(synced, policy)
    return answer


def _ask(redis: Redis, evaluate: Callable[[Pipeline], object]) -> list[Any]:
    """One round trip; errors are among the answers."""
    pipeline = redis.pipeline(transaction=False)
    evaluate(pipeline)
    pipeline.waitaof(1, 0, _WAIT_MS)
    pipeline.config_get("appendfsync")
    return pipeline.execute(raise_on_error=False)


def _require_on_disk(synced: Any, policy: Any) -> None:
    if isinstance(synced, RedisError):
        raise JournalUnavailable(
            "CONVERTRO_DURABILITY=fsync needs Redis 7.2 or newer with appendonly yes and "
            f"appendfsync always; it says: {synced} ({_SAFE})"
        )
    # An operator may have taken CONFIG away from us; then WAITAOF's word has to do.
    if not isinstance(policy, RedisError) and _value(policy) != "always":
        raise JournalUnavailable(
            "CONVERTRO_DURABILITY=fsync needs appendfsync always, and Redis has appendfsync "
            f"{_value(policy)} ({_SAFE})"
        )
    if synced[0] < 1:
        raise JournalUnavailable(f"Redis did not reach its disk within {_WAIT_MS} ms ({_SAFE})")


def _value(policy: dict[Any, Any]) -> str:
    (value,) = policy.values()
    return value.decode() if isinstance(value, bytes) else str(value)
