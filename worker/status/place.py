"""Which journal an answer is about: where its Redis is, its database and its keys. Pure."""

from typing import Any

from config.printable import printable
from config.settings import Settings
from convertro.host import bracketed
from convertro.redis_url import parse_redis_url
from convertro.sentinel import is_sentinel, parse_sentinel_url

#: The sentence about a journal that has never been used.
NEVER_USED = (
    "This journal has never been used: nothing was ever accepted here, and no worker ever started."
)


def place_document(settings: Settings) -> dict[str, Any]:
    """The place as JSON; never a password."""
    address, database = _where(settings)
    return {"redis": address, "database": database, "key_prefix": settings.key_prefix}


def place_words(settings: Settings) -> str:
    """The place in a line; never a password."""
    address, database = _where(settings)
    return f"Redis {address}, database {database}, keys {printable(settings.key_prefix)}*"


def _where(settings: Settings) -> tuple[str, int]:
    """Redis's address, in words, and the number of its database."""
    url = settings.redis_url.get_secret_value()
    if is_sentinel(url):
        sentinels = parse_sentinel_url(url)
        asked = ", ".join(f"{bracketed(host)}:{port}" for host, port in sentinels.addresses)
        return f"{settings.sentinel_master} (by Sentinels {asked})", sentinels.db
    where = parse_redis_url(url)
    tls = " with TLS" if where.tls else ""
    return f"{bracketed(where.host)}:{where.port}{tls}", where.db
