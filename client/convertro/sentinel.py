"""Reading a `sentinel://` URL: kombu's form, the same text for the journal and for Celery.

Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from convertro.host import bracketed

_SCHEME = "sentinel://"

_SENTINEL_PORT = 26379

#: A name or an address; a list with commas is neither.
_HOST = re.compile(r"[\w.:-]+")

#: Several may have to be asked, one after another, while a producer waits.
_SENTINEL_TIMEOUT_SECONDS = 0.3

#: What a later address may leave out because the first one said it.
_NO_LOGIN = (None, None, "")


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """Where the Sentinels are, and how to log in to the Redis that they name."""

    #: Host and port of each Sentinel.
    addresses: tuple[tuple[str, int], ...]
    username: str | None
    password: str | None = field(repr=False)
    #: The database's number.
    db: int

    @property
    def broker_url(self) -> str:
        """The same for kombu, which takes login and database from the address it tries."""
        login = f"{quote(self.username or '', safe='')}:{quote(self.password or '', safe='')}@"
        return ";".join(
            f"{_SCHEME}{login if self.password else ''}{bracketed(host)}:{port}/{self.db}"
            for host, port in self.addresses
        )


def is_sentinel(url: str) -> bool:
    """Whether a URL names Sentinels."""
    return url.startswith(_SCHEME)


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Read `sentinel://[[user]:password@]host[:port][/db];sentinel://host[:port];…`.

    Raises:
        ValueError: What is wrong with it, without its text, which may hold a password.
    """
    first, *others = _parts(url)
    if any(_login(part) not in {_login(first), _NO_LOGIN} for part in others):
        raise ValueError("must have its password and database at the first address")
    username, password, path = _login(first)
    if not re.fullmatch("[0-9]*", path):
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
    """How redis-py is to talk to a Sentinel: briefly, because there are others to ask."""
    return {
        "socket_timeout": _SENTINEL_TIMEOUT_SECONDS,
        "socket_connect_timeout": _SENTINEL_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "retry": None,  # the default is to wait for seconds before the next one is asked
        "password": password,
    }


def _parts(url: str) -> Iterator[SplitResult]:
    for text in url.split(";"):
        part = urlsplit(text)
        try:
            usable = part.scheme == "sentinel" and part.port != 0
        except ValueError:  # the port is no number; it may be part of an unquoted password
            usable = False
        usable = usable and _HOST.fullmatch(part.hostname or "") is not None
        if not usable or part.query or part.fragment:
            raise ValueError(
                "must be sentinel://host:port for each Sentinel, with ; in between and no query"
            )
        yield part


def _login(part: SplitResult) -> tuple[str | None, str | None, str]:
    """User, password and database of one address."""
    username = unquote(part.username) if part.username else None
    password = unquote(part.password) if part.password else None
    return username, password, part.path.strip("/")
