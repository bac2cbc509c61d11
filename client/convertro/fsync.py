"""Writes that succeed only once Redis has them on its disk.

One round trip carries the script and two questions. `WAITAOF` alone is not enough: with
`appendfsync everysec` Valkey 9.1 and early releases of Redis 7.4 answer it before they call
fsync. So Redis is also asked for its `appendfsync`, which must be `always`.
"""

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import NoScriptError, RedisError

from convertro.errors import JournalUnavailable

#: Longest wait for the disk. With `appendfsync always` Redis answers at once; a producer's timeout
#: is 900 ms.
_WAIT_MS = 500

#: The end of each error message: the script itself has been carried out.
_SAFE = "the event may be in the journal, and enqueueing it again is safe"


def evaluate_on_disk(redis: Redis, source: str, digest: str, parts: tuple[Any, ...]) -> Any:
    """Carry out a script and make sure that Redis has what it wrote on disk.

    Raises:
        JournalUnavailable: It is not on disk, or Redis cannot tell; the script was carried out.
        RedisError: Redis did not carry out the script.
    """
    answer, synced, policy = _ask(redis, lambda pipeline: pipeline.evalsha(digest, *parts))
    if isinstance(answer, NoScriptError):  # Redis is new or its script cache was wiped
        answer, synced, policy = _ask(redis, lambda pipeline: pipeline.eval(source, *parts))
    if isinstance(answer, RedisError):
        raise answer
    _require_on_disk(synced, policy)
    return answer


def _ask(redis: Redis, evaluate: Callable[[Pipeline], object]) -> list[Any]:
    """Send script and questions in one round trip; an error of Redis is returned as an answer."""
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
    # An ACL may forbid CONFIG; then the answer of WAITAOF alone counts.
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
