"""Which URLs name a Redis. Pure."""

from urllib.parse import urlsplit

from convertro.sentinel import is_sentinel, parse_sentinel_url


def check_redis_url(url: str) -> None:
    """Accept `redis://`, `rediss://` and `sentinel://` URLs.

    Raises:
        ValueError: What is wrong, without the URL's text, which may hold a password.
    """
    if is_sentinel(url):
        parse_sentinel_url(url)
    elif not _names_a_redis(url):
        raise ValueError(
            "must be a redis://, rediss:// or sentinel:// URL with a host and a valid port"
        )


def _names_a_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0)
    except ValueError:  # the port is no number; it may be part of an unquoted password
        return False
