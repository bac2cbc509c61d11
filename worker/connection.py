"""How the journal's Redis is reached: timeouts, retries, keepalive."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from config.settings import Settings

#: A producer hears within 2 s that the journal is unavailable: a connection and an answer.
PRODUCER_TIMEOUT_SECONDS = 0.9
WORKER_TIMEOUT_SECONDS = 5.0


def connect(settings: Settings, timeout_seconds: float) -> Redis:
    """A client of the journal's Redis; it connects when first used.

    A broken connection is tried anew once and at once, a timeout never: the answer comes
    within about twice the timeout, whatever the state of Redis.
    """
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=0,
    )
