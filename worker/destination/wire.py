"""Calls on the wire: paths, bodies and idempotency keys. Pure.

The interface was never published; this module together with the paths in the settings is all
that would change for another reading of it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from string import ascii_letters, digits, punctuation
from typing import Any
from urllib.parse import quote

import msgspec

from config.settings import Settings
from worker.destination.calls import Call, DeviceEvent, Install, LinkDevice, TrackEvent, TrackUser

#: Visible ASCII but for the escape character itself.
_KEY_CHARACTERS = (ascii_letters + digits + punctuation).replace("%", "")

#: The names of each call's fields, in their order.
_FIELDS: dict[type[Call], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (TrackUser, TrackEvent, LinkDevice, DeviceEvent, Install)
}

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What is sent for a call, always as a POST."""

    #: Below the base URL, percent-encoded.
    path: str
    #: Absent values are left out.
    body: dict[str, Any]


def request_for(call: Call, settings: Settings) -> CallRequest:
    """Say what to send for a call, and where to."""
    path = _path(
        _template(call, settings), settings.account, settings.client_name, settings.site_id
    )
    values = ((name, getattr(call, name)) for name in _FIELDS[type(call)])
    return CallRequest(path, {name: value for name, value in values if value is not None})


def endpoint_of(call: Call) -> str:
    """The endpoint that a call goes to, whatever its path is: `users`, `events`, `installs`."""
    if isinstance(call, TrackUser | LinkDevice):
        return "users"
    return "installs" if isinstance(call, Install) else "events"


@cache
def _path(template: str, account: str, client_name: str, site_id: str) -> str:
    return template.format(
        account=quote(account, safe=""),
        client_name=quote(client_name, safe=""),
        site_id=quote(site_id, safe=""),
    )


def _template(call: Call, settings: Settings) -> str:
    paths = {
        "users": settings.users_path,
        "events": settings.events_path,
        "installs": settings.installs_path,
    }
    return paths[endpoint_of(call)]


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Write a body as compact JSON in UTF-8; lone surrogates become escapes."""
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError):
        pass  # lone surrogates, other mappings than dict and numbers of many digits
    return _WRITER.encode(body).encode("utf-8", "backslashreplace")


def idempotency_key(event_id: str, call_index: int) -> str:
    """Name a call so that Convertro can recognise it when it comes again.

    Ids may hold any character, a header value only visible ASCII can be relied on; a line
    break in one would even begin another header. So everything else, and `%` lest two ids
    meet in one key, is percent-encoded as UTF-8.
    """
    return f"{quote(event_id, safe=_KEY_CHARACTERS, errors='surrogatepass')}/{call_index}"


def call_name(call: Call) -> str:
    """Tell a call from the others of its event, however the event is translated next time."""
    return call.event_type if isinstance(call, TrackEvent) else type(call).__name__


def pending_calls(
    calls: Sequence[Call], accepted: Mapping[int, str]
) -> tuple[tuple[int, Call], ...]:
    """The calls that Convertro has not accepted yet, each with the index for its key.

    The mapping may have changed since some were accepted, so they are recognised by name and
    not by position, each accepted one once. A call keeps its position as its index, unless
    an accepted call had that index: then it takes the next one that neither has.

    Args:
        calls: What the event is translated to now.
        accepted: Index and name of each call that was accepted, perhaps under an earlier
            mapping.
    """
    if not accepted:
        return tuple(enumerate(calls))
    # Those in their old place first: of two that are alike, the one that was sent counts.
    unmoved = {index for index, call in enumerate(calls) if accepted.get(index) == call_name(call)}
    moved = Counter(name for index, name in accepted.items() if index not in unmoved)
    next_index = max(len(calls), *(index + 1 for index in accepted), 0)
    pending: list[tuple[int, Call]] = []
    for position, call in enumerate(calls):
        name = call_name(call)
        if position in unmoved:
            continue
        if moved[name]:
            moved[name] -= 1
        elif position in accepted:
            pending.append((next_index, call))
            next_index += 1
        else:
            pending.append((position, call))
    return tuple(pending)
