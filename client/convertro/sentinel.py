"""Parses `sentinel://` URLs in kombu's form, for the journal and for Celery. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from convertro.host import bracketed

_SCHEME = "sentinel://"

_SENTINEL_PORT = 26379

#: A name or an address; not a list with commas.
_HOST = re.compile(r"[\w.:-]+")

#: For a connection to a Sentinel, and again for an answer: short, because a producer may wait while
#: several are asked one after another.
_SENTINEL_TIMEOUT_SECONDS = 0.3

#: The login of an address that gives none; then that of the first address counts.
_NO_LOGIN = (None, None, "")


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """The addresses of the Sentinels, and how to log in to the Redis that they name."""

    #: Host and port of each Sentinel.
    addresses: tuple[tuple[str, int], ...]
    username: str | None
    password: str | None = field(repr=False)
    #: The database's number.
    db: int

    @property
    def broker_url(self) -> str:
        """The URL for kombu, which takes login and database from the address that it tries."""
        login = f"{quote(self.username or '', safe='')}:{quote(self.password or '', safe='')}@"
        return ";".join(
            f"{_SCHEME}{login if self.password else ''}{bracketed(host)}:{port}/{self.db}"
            for host, port in self.addresses
        )


def is_sentinel(url: str) -> bool:
    """Whether a URL names Sentinels."""
    return url.lower().startswith(_SCHEME)


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Parse `sentinel://[[user]:password@]host[:port][/db];sentinel://host[:port];…`.

    Raises:
        ValueError: What is wrong, without the URL's text, which may contain a password.
    """
    first, *others = _parts(url)
    if any(_login(part) not in {_login(first), _NO_LOGIN} for part in others):
        raise ValueError("must have its password and database at the first address")
    username, password, path = _login(first)
    if not re.fullmatch("[0-9]{0,9}", path):
        raise ValueError("must have a number for a database, as in sentinel://host:26379/0")
    return SentinelUrl(
        addresses=tuple(
            (part.hostname or "", part.port or _SENTINEL_PORT) for part in (first, *others)
        ),
        username=username,
        password=password,
        db=int(path or 0),
    )


def sentinel_options(password: str | None) -> dict[str, Any]:
    """Give redis-py's arguments for a connection to a Sentinel; no retry, as there are others."""
    from convertro.name_lookup import RESP  # noqa: PLC0415  parsing URLs needs no redis-py

    return {
        "socket_timeout": _SENTINEL_TIMEOUT_SECONDS,
        "socket_connect_timeout": _SENTINEL_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "retry": None,  # by default redis-py retries for seconds before it asks the next Sentinel
        "password": password,
        "protocol": RESP,
    }


def _parts(url: str) -> Iterator[SplitResult]:
    for text in url.split(";"):
        part = urlsplit(text)
        try:
            usable = part.scheme == "sentinel" and part.port != 0
        except ValueError:  # the port is not a number; it may be part of an unquoted password
            usable = False
        usable = usable and _HOST.fullmatch(part.hostname or "") is not None
        if not usable or part.query or part.fragment:
            raise ValueError(
                "must be sentinel://host:port for each Sentinel, with ; in between and no query"
            )
        yield part


def _login(part: SplitResult) -> tuple[str | None, str | None, str]:
    username = unquote(part.username) if part.username else None
    password = unquote(part.password) if part.password else None
    return username, password, part.path.strip("/")
