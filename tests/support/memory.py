"""A Redis whose memory is full, or nearly so."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

BALLAST = "ballast"

#: So much that it does not matter what connections take and give back meanwhile.
BALLAST_BYTES = 50_000_000

#: Of its bound, so that some memory may become free before anything fits in again.
FULL = 1.02


@contextmanager
def used_to(share: float, redis: Redis) -> Iterator[None]:
    """Let Redis use this share of the memory that it may use, until the block ends."""
    put_ballast(redis)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))
    try:
        yield
    finally:
        redis.config_set("maxmemory", before)
        redis.delete(BALLAST)


def put_ballast(redis: Redis) -> None:
    """Let there be a large key; on the disk and to a replica it is a few bytes."""
    redis.setrange(BALLAST, BALLAST_BYTES - 1, b"x")
