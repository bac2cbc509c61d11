"""Letting time go on for what waits in a real server, instead of waiting as long."""

from redis import Redis

PREFIX = "{convertro}:"


def let_pass(redis: Redis, seconds: float) -> None:
    """Let due events have waited, and workers not have asked, for so much longer."""
    for name in ("due", "asked"):
        for member in redis.zrange(f"{PREFIX}{name}", 0, -1):
            redis.zincrby(f"{PREFIX}{name}", -1000 * seconds, member)
