"""Parses `redis://` and `rediss://` URLs.

redis-py and kombu parse queries and paths each in its own way, so both get the parsed parts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from convertro.host import bracketed
from convertro.sentinel import is_sentinel, parse_sentinel_url
from convertro.setting_text import path_named

_SCHEMES = ("redis", "rediss")
_PORT = 6379

_FILE = ".+"

#: The TLS options of a `rediss://` URL's query; the values of each as a regular expression.
_TLS_OPTIONS = {
    "ssl_ca_certs": _FILE,
    "ssl_certfile": _FILE,
    "ssl_keyfile": _FILE,
    "ssl_cert_reqs": "required|optional|none",
    "ssl_check_hostname": "true|false",
}


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """The address of a Redis, and how to log in."""

    host: str
    port: int
    #: The database's number.
    db: int
    username: str | None
    password: str | None = field(repr=False)
    #: TLS arguments of redis-py's connections; None without TLS.
    tls: Mapping[str, Any] | None

    @property
    def login(self) -> dict[str, Any]:
        """The arguments of redis-py's connections other than those of TLS."""
        return {
            "host": self.host,
            "port": self.port,
            "db": self.db,
            "username": self.username,
            "password": self.password,
        }

    @property
    def broker_url(self) -> str:
        """The URL for kombu, without TLS options: Celery gets those as a setting of their own."""
        user, word = quote(self.username or "", safe=""), quote(self.password or "", safe="")
        login = f"{user}:{word}@" if self.password or self.username else ""
        return f"{_SCHEMES[self.tls is not None]}://{login}{bracketed(self.host)}:{self.port}/{self.db}"


def check_redis_url(url: str) -> None:
    """Check a `redis://`, `rediss://` or `sentinel://` URL, and that its files can be read.

    Raises:
        ValueError: What is wrong, without the URL's text, which may contain a password.
    """
    if is_sentinel(url):
        parse_sentinel_url(url)
        return
    for name, value in (parse_redis_url(url).tls or {}).items():
        if _TLS_OPTIONS[name] is _FILE:
            _check_file(name, value)


def names_a_redis(url: str) -> bool:
    """Whether a URL has a scheme of Redis; the rest of it may be wrong."""
    return url.lower().startswith(("redis://", "rediss://"))


def parse_redis_url(url: str) -> RedisUrl:
    """Parse `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. Pure.

    Raises:
        ValueError: What is wrong, without the URL's text, which may contain a password.
    """
    try:
        parts = urlsplit(url)
        port = _PORT if parts.port is None else parts.port
        usable = parts.scheme in _SCHEMES and port != 0 and not parts.fragment
    except ValueError:  # the port is not a number; it may be part of an unquoted password
        usable = False
    if not usable or not parts.hostname:
        raise ValueError(
            "must be a redis://, rediss:// or sentinel:// URL with a host and a valid port, and a "
            "password in it percent-encoded"
        )
    if not re.fullmatch("/?|/[0-9]{1,9}", parts.path):
        raise ValueError("must end in the number of a database, as in redis://host:6379/0")
    options = parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
    return RedisUrl(
        host=parts.hostname,
        port=port,
        db=int(parts.path.strip("/") or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=_tls(options, is_on=parts.scheme == "rediss"),
    )


def _tls(options: list[tuple[str, str]], *, is_on: bool) -> dict[str, Any] | None:
    for name, value in options:
        if name not in _TLS_OPTIONS:
            known = ", ".join(_TLS_OPTIONS)
            shown = name if re.fullmatch("[a-z_]{1,40}", name) else "a query"
            raise ValueError(
                f"does not take {shown}: a rediss:// URL takes {known}, others nothing"
            )
        if not is_on:
            raise ValueError(f"takes {name} with rediss:// alone: redis:// does not use TLS")
        if not re.fullmatch(_TLS_OPTIONS[name], value):
            form = _TLS_OPTIONS[name]
            says = "something" if form is _FILE else form.replace("|", " or ")
            raise ValueError(f"must say {says} for {name}")
    if not is_on:
        return None
    said = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true", **dict(options)}
    if "ssl_keyfile" in said and "ssl_certfile" not in said:
        raise ValueError("takes ssl_keyfile with ssl_certfile alone")
    files = {name: path_named(text) for name, text in said.items() if _TLS_OPTIONS[name] is _FILE}
    checks_name = said["ssl_check_hostname"] == "true" and said["ssl_cert_reqs"] != "none"
    return {**said, **files, "ssl_check_hostname": checks_name}


def _check_file(option: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no path"
        raise ValueError(f"cannot read {path!r}, which {option} names: {reason}") from None
