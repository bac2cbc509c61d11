"""Calls on the wire: paths, bodies, names and idempotency keys. Pure.

The interface was never published; this module together with the path in the settings is all
that would change for another reading of it.

A key is `<event id>/<call name>`, and a call's name is its type: `order-7/sale.new`. The second
call of a type in one event is called `sale/2`. A call that was rejected, surely never arrived,
and was sent back by an operator has the number of that redrive in its key, `order-7/sale~1`,
because some vendors repeat the answer that they stored for a key. So a key never means another
call than before, whatever the mapping has become, and needs no record to be known.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache, lru_cache
from string import ascii_letters, digits, punctuation
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from config.settings import Settings
from worker.destination.calls import Call, DeviceEvent, Install, LinkDevice, TrackEvent, TrackUser

#: Visible ASCII but for the escape character and what divides a key. `*` is no call's name: it
#: stands for a call that nobody can name.
_ID_CHARACTERS = (ascii_letters + digits + punctuation).replace("%", "").replace("/", "")
_TYPE_CHARACTERS = _ID_CHARACTERS.replace("*", "")

#: Nearly every id: nothing in it needs to be encoded.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.-]+")

#: The names of each call's fields, in their order.
_FIELDS: dict[type[Call], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (TrackUser, TrackEvent, LinkDevice, DeviceEvent, Install)
}

#: The endpoint of each.
_ENDPOINTS: dict[type[Call], str] = {
    TrackUser: "users",
    LinkDevice: "users",
    TrackEvent: "events",
    DeviceEvent: "events",
    Install: "installs",
}

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict)


def path_of(endpoint: str, settings: Settings) -> str:
    """Where the calls of an endpoint are sent, below the base URL; percent-encoded."""
    account, client_name, site_id = settings.account, settings.client_name, settings.site_id
    return _path(settings.path, endpoint, account, client_name, site_id)


def body_of(call: Call) -> dict[str, Any]:
    """What is sent for a call; absent values are left out."""
    names = _FIELDS[type(call)]
    return {name: value for name in names if (value := getattr(call, name)) is not None}


def endpoint_of(call: Call) -> str:
    """The endpoint that a call goes to, whatever its path is: `users`, `events`, `installs`."""
    return _ENDPOINTS[type(call)]


@cache
def _path(template: str, endpoint: str, account: str, client_name: str, site_id: str) -> str:
    return template.format(
        endpoint=endpoint,
        account=quote(account, safe=""),
        client_name=quote(client_name, safe=""),
        site_id=quote(site_id, safe=""),
    )


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Write a body as compact JSON in UTF-8; lone surrogates become escapes."""
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError):
        pass  # lone surrogates, other mappings than dict and numbers of many digits
    return _WRITER.encode(body).encode("utf-8", "backslashreplace")


def call_type(call: Call) -> str:
    """What a call reports: the Convertro type of a web event, or what kind of call it is."""
    return call.event_type if isinstance(call, TrackEvent) else type(call).__name__


@lru_cache(maxsize=1024)
def call_name(type_: str, ordinal: int) -> str:
    """Tell a call from the others of its event, however the event is translated next time.

    Args:
        type_: What the call reports.
        ordinal: Which of the event's calls of this type, from 1.
    """
    quoted = quote(type_, safe=_TYPE_CHARACTERS, errors="surrogatepass")
    quoted = quoted.replace("~", "%7E")  # which `quote` never encodes
    return quoted if ordinal == 1 else f"{quoted}/{ordinal}"


def idempotency_key(event_id: str, name: str, number: int | None = None) -> str:
    """Name a call so that Convertro can recognise it when it comes again.

    Ids may hold any character, a header value only visible ASCII can be relied on; a line
    break in one would even begin another header. So everything else, and what divides a key
    lest two calls meet in one, is percent-encoded as UTF-8.

    Args:
        event_id: The event's id.
        name: What `call_name` says.
        number: The redrive since which the call has a key of its own; None if it needs none.
    """
    quoted = event_id
    if not _PLAIN_ID.fullmatch(event_id):
        quoted = quote(event_id, safe=_ID_CHARACTERS, errors="surrogatepass")
    return f"{quoted}/{name}" if number is None else f"{quoted}/{name}~{number}"


def event_id_of(key: str) -> str:
    """The id of the event that a key belongs to."""
    return unquote(key.partition("/")[0], errors="surrogatepass")
