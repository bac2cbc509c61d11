"""A Redis whose memory is full, or nearly so."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

BALLAST = "ballast"

#: The size of the ballast, in bytes: so large that the memory of connections does not matter.
BALLAST_BYTES = 50_000_000

#: The share of its bound that a full Redis uses: above 1, so that it stays full even if some memory
#: becomes free.
FULL = 1.02


@contextmanager
def used_to(share: float, redis: Redis) -> Iterator[None]:
    """Make Redis use a share of the memory that it may use, until the block ends."""
    put_ballast(redis)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))
    try:
        yield
    finally:
        redis.config_set("maxmemory", before)
        redis.delete(BALLAST)


def put_ballast(redis: Redis) -> None:
    """Make a large key; the command that makes it is short on disk and to a replica."""
    redis.setrange(BALLAST, BALLAST_BYTES - 1, b"x")
