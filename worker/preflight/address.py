"""Shows a server's address without credentials. Pure."""

import re

#: A host and port that may be shown; anything else could be a part of a password.
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d+)?")


def address_of(url: str) -> str:
    """Give host and port of a URL, or of each URL in a list, without credentials."""
    listed = url.split(";") if url.count("://") > 1 else [url]
    hosts = ",".join(_without_credentials(one) for one in listed).split(",")
    return ", ".join(filter(_ADDRESS.fullmatch, hosts)) or "the host of the URL"


def _without_credentials(url: str) -> str:
    behind_scheme = url.partition("://")[2].partition("?")[0]
    return behind_scheme.rpartition("@")[2].partition("/")[0]
