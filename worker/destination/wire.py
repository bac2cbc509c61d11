"""The form of calls in HTTP: paths, bodies, names and idempotency keys. Pure.

Convertro's interface was never published. If it is found to differ from what is assumed here, only
this module and the path in the settings need to change.

An idempotency key is `<event id>/<call name>`, and a call's name is its type: `order-7/sale.new`.
The second call of a type in one event is named `sale/2`. If an operator redrives an event of which
a call was rejected and cannot have arrived, that call's key gets the number of the redrive,
`order-7/sale~1`, because some vendors repeat their stored answer to a key. So the same key means
the same call, even after the mapping has changed.
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

#: Characters of a key that are not encoded: visible ASCII except `%`, which begins an escape, and
#: `/`, which divides the key. A call's name has no `*` either, which stands for an unknown call.
_ID_CHARACTERS = (ascii_letters + digits + punctuation).replace("%", "").replace("/", "")
_TYPE_CHARACTERS = _ID_CHARACTERS.replace("*", "")

#: An id in which nothing needs to be encoded, as in nearly every one.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.-]+")

#: The names of each call's fields, in their order.
_FIELDS: dict[type[Call], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (TrackUser, TrackEvent, LinkDevice, DeviceEvent, Install)
}

#: The endpoint of each call.
_ENDPOINTS: dict[type[Call], str] = {
    TrackUser: "users",
    LinkDevice: "users",
    TrackEvent: "events",
    DeviceEvent: "events",
    Install: "installs",
}

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict)


def path_of(endpoint: str, settings: Settings) -> str:
    """Give the path of an endpoint's calls, below the base URL; percent-encoded."""
    account, client_name, site_id = settings.account, settings.client_name, settings.site_id
    return _path(settings.path, endpoint, account, client_name, site_id)


def body_of(call: Call) -> dict[str, Any]:
    """Make a call's body; fields that are None are left out."""
    names = _FIELDS[type(call)]
    return {name: value for name in names if (value := getattr(call, name)) is not None}


def endpoint_of(call: Call) -> str:
    """Give the endpoint of a call, whatever its path is: `users`, `events` or `installs`."""
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
        pass  # the body has lone surrogates, mappings other than dict, or numbers of many digits
    return _WRITER.encode(body).encode("utf-8", "backslashreplace")


def call_type(call: Call) -> str:
    """Give a call's type: the Convertro type of a web event, otherwise the kind of call."""
    return call.event_type if isinstance(call, TrackEvent) else type(call).__name__


@lru_cache(maxsize=1024)
def call_name(type_: str, ordinal: int) -> str:
    """Make a call's name: unique in its event, and the same in every later translation.

    Args:
        type_: What `call_type` returns.
        ordinal: The number of the call among the event's calls of this type, from 1.
    """
    quoted = quote(type_, safe=_TYPE_CHARACTERS, errors="surrogatepass")
    quoted = quoted.replace("~", "%7E")  # `quote` never encodes ~
    return quoted if ordinal == 1 else f"{quoted}/{ordinal}"


def idempotency_key(event_id: str, name: str, number: int | None = None) -> str:
    """Make the key by which Convertro can recognise a call that it gets again.

    An id may contain any character, but a header is only safe with visible ASCII: a line break
    would even begin another header. So all other characters are percent-encoded as UTF-8. So is
    `/` in an id, because otherwise two calls could have the same key.

    Args:
        event_id: The event's id.
        name: What `call_name` returns.
        number: The number of the redrive after which the call got a new key; None if it has none.
    """
    quoted = event_id
    if not _PLAIN_ID.fullmatch(event_id):
        quoted = quote(event_id, safe=_ID_CHARACTERS, errors="surrogatepass")
    return f"{quoted}/{name}" if number is None else f"{quoted}/{name}~{number}"


def event_id_of(key: str) -> str:
    """Read the event's id from a key."""
    return unquote(key.partition("/")[0], errors="surrogatepass")
