"""Checks, encodes, decodes and identifies raw Segment events. Pure, but for random ids.

An event is a JSON object with a string `type`. Whatever `encode` accepts, `decode` reads
back, in this process and in any other. Like Segment's own libraries, `encode` also accepts dates
and times, written as ISO 8601, decimal numbers, written as numbers, and UUIDs, written as text.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from math import isfinite
from secrets import token_hex
from typing import Any, TypeGuard
from uuid import UUID

import msgspec

from convertro.errors import InvalidEvent

#: Segment itself accepts 32 KB and then adds fields of its own.
MAX_EVENT_BYTES = 64 * 1024

#: Segment's own limit, in characters.
MAX_MESSAGE_ID_LENGTH = 100

#: Most levels of objects and lists inside each other, including the event itself. That is far more
#: than any library sends, and few enough that no process runs out of stack while it reads an event.
MAX_NESTING = 100

#: Begins an id that was computed from the content of an event without an id.
_DERIVED_ID_PREFIX = "digest-"

#: Begins a random id, given to an event that has neither an id nor a time of its own.
_RANDOM_ID_PREFIX = "random-"

#: Length of a digest or a random id, in bytes: too long for a collision by chance.
_ID_BYTES = 16

#: Texts that programs send by mistake in place of a missing id.
ID_PLACEHOLDERS = frozenset(
    {"null", "undefined", "NaN", "None", "<nil>", "(null)", "[object Object]"}
)

#: The fields in which an event says when it happened.
_OWN_TIMES = ("timestamp", "originalTimestamp")

#: A time that programs write where they have none: `Invalid Date`, zeros, or the zero time of Go,
#: .NET or Unix. It is the same in every event, so it does not tell one event from another.
_NO_TIME = re.compile(r"(?:0001-01-01|1970-01-01)?[^1-9]*")

#: Control characters and halves of surrogate pairs. An id must not contain them, because it becomes
#: a key in Redis, an HTTP header and a line on a terminal.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: The Python types that an event may contain.
_SCALARS = (str, int, float, type(None), date, Decimal, UUID)
_HOLDERS = (dict, list, tuple, Mapping)

#: Scalar types, besides text, whose every value exists in JSON; a float may be NaN or infinite.
_ALWAYS_JSON = frozenset({int, bool, type(None)})


def encode(event: Any) -> bytes:
    """Check an event and write it as compact JSON in UTF-8, with its keys in their order.

    Lone surrogates, which UTF-8 cannot encode, become escapes. An empty `type` is accepted: it is
    a string, and merely a type for which nothing is sent.

    Raises:
        InvalidEvent: The event is not a JSON object, contains a value that JSON does not have (NaN,
            other types than those named above, a key that is not a string), is too large or too
            deeply nested, or its `type` or `messageId` is wrong.
    """
    if fault := fault_of(event):
        raise fault
    holders = _plain_holders(event) if type(event) is dict else 0
    raw = _encoded(event) if holders else None
    if raw is None or holders > MAX_NESTING:  # fewer objects and lists cannot nest too deeply
        _check_values(event)
    if raw is None:
        raw = _encoded_slowly(event)
    if len(raw) > MAX_EVENT_BYTES:
        raise _too_large()
    return raw


def encode_read(event: Any) -> bytes:
    """Encode an event that msgspec has read; its values are JSON's, so only limits are checked.

    Raises:
        InvalidEvent: As for `encode`.
    """
    if fault := fault_of(event):
        raise fault
    raw = _encoded(event)
    if raw is None:
        return encode(event)
    if len(raw) > MAX_EVENT_BYTES:
        raise _too_large()
    if _may_be_too_deep(raw):
        _check_values(event)
    return raw


def _encoded(event: Any) -> bytes | None:
    """Write an event of plain types; None if it has lone surrogates or numbers of many digits."""
    try:
        return msgspec.json.encode(event)
    except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None


def _encoded_slowly(event: Any) -> bytes:
    """Write an event of any accepted types; its values have been checked."""
    return _text_of(event).encode("utf-8", "backslashreplace")


def _text_of(value: Any) -> str:
    """Write a checked value as compact JSON; the check bounds the depth of this recursion."""
    match value:
        case Mapping():
            pairs = (f"{_text_of(key)}:{_text_of(inner)}" for key, inner in value.items())
            return f"{{{','.join(pairs)}}}"
        case list() | tuple():
            return f"[{','.join(map(_text_of, value))}]"
        case datetime():
            return f'"{_with_zone(value).isoformat()}"'
        case date() | UUID():
            return f'"{value}"'
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _with_zone(moment: datetime) -> datetime:
    """Add the local offset from UTC to a datetime that has none.

    Raises:
        ValueError: The moment is out of range in UTC.
        OverflowError: The same.
    """
    # A pandas Timestamp's own `astimezone` refuses a moment without a zone.
    return moment if moment.tzinfo else datetime.astimezone(moment)


def decode(raw: bytes) -> dict[str, Any]:
    """Read an event from its bytes, with the checks of `encode`.

    Of two equal keys the last one counts.

    Raises:
        InvalidEvent: The bytes are not an event; this function raises nothing else.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise _too_large()
    event = _decoded(raw)
    if fault := fault_of(event):
        raise fault
    if _may_be_too_deep(raw):
        _check_values(event)
    return event


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw)  # type: ignore[no-any-return]  # checked by the caller
    except (ValueError, RecursionError, msgspec.MsgspecError):
        pass  # msgspec refuses lone surrogates and a few other texts that Python's reader accepts
    try:
        return _READER.decode(raw.decode())  # type: ignore[no-any-return]  # the same
    except RecursionError:
        raise _too_deep("event") from None
    except ValueError as error:
        raise InvalidEvent("event", f"is not JSON: {error}") from None


def _may_be_too_deep(raw: bytes) -> bool:
    """Whether an event has enough brackets to be nested too deeply; nearly every event has not."""
    return raw.count(b"{") + raw.count(b"[") > MAX_NESTING


def fault_of(event: Any) -> InvalidEvent | None:
    """Check that an event is an object with a usable `type` and `messageId`; None if it is."""
    if not is_object(event):
        return InvalidEvent("event", f"must be a JSON object, not {kind_of(event)}")
    if "type" not in event:
        return InvalidEvent("type", "is missing")
    if not isinstance(event["type"], str):
        return InvalidEvent("type", f"must be a string, not {kind_of(event['type'])}")
    if isinstance(event.get("messageId"), str):
        return _message_id_fault(event["messageId"])
    return None


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is an object in JSON's sense."""
    # JSON readers make dicts; the check for other mappings takes ten times as long.
    return type(value) is dict or isinstance(value, Mapping)


def _message_id_fault(message_id: str) -> InvalidEvent | None:
    if len(message_id) > MAX_MESSAGE_ID_LENGTH:
        return InvalidEvent("messageId", f"is longer than {MAX_MESSAGE_ID_LENGTH} characters")
    if _UNPRINTABLE.search(message_id) and not message_id.isspace():  # blank text is no id
        return InvalidEvent("messageId", "holds control characters or half a surrogate pair")
    return None


def id_of(value: Any) -> str | None:
    """Write an id as text; None if the value identifies nothing.

    Usable are texts that are neither blank nor a placeholder, and numbers other than 0. Both
    `97980` and `97980.0` become `"97980"`.
    """
    if isinstance(value, str):
        return value if value and not value.isspace() and value not in ID_PLACEHOLDERS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        if not value or not isfinite(value):
            return None
    except OverflowError:  # an integer too large for a double
        return None
    return str(int(value)) if value == int(value) else json.dumps(value)


def event_id(event: Mapping[str, Any], raw: bytes) -> str:
    """Give the id under which the journal knows an event.

    It is the event's `messageId`, as text. Without a usable one, an event that says when it
    happened gets a digest of its content without `sentAt`, in any order of keys, so that a second
    try of a producer has the same id. An event without a time gets a random id, because equal
    purchases without a time are several purchases.

    Args:
        event: An event that `encode` accepted.
        raw: The bytes that `encode` returned for it.
    """
    if message_id := message_id_of(event):
        return message_id
    content = json.loads(raw)  # unlike the event, this has only JSON's types
    return message_id_of(content) or made_id(content)


def made_id(content: Mapping[str, Any]) -> str:
    """Make an id for an event without one: a digest if it says when it happened, else random.

    Args:
        content: The event, read from JSON.
    """
    return content_id(content) if says_when(content) else _RANDOM_ID_PREFIX + token_hex(_ID_BYTES)


def says_when(event: Mapping[str, Any]) -> bool:
    """Whether an event has a time of its own, in whatever form."""
    return any(not _NO_TIME.fullmatch(id_of(event.get(field)) or "") for field in _OWN_TIMES)


def content_id(content: Mapping[str, Any]) -> str:
    """Make an id that is a digest of an event without `sentAt`, which changes with each sending.

    Args:
        content: The event, read from JSON.
    """
    kept = {name: value for name, value in content.items() if name != "sentAt"}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return _DERIVED_ID_PREFIX + sha256(canonical.encode()).hexdigest()[: 2 * _ID_BYTES]


def message_id_of(event: Mapping[str, Any]) -> str | None:
    """Read an event's `messageId` as text; None if it has no usable one."""
    message_id = id_of(event.get("messageId"))
    return message_id if message_id and len(message_id) <= MAX_MESSAGE_ID_LENGTH else None


def _plain_holders(event: dict[Any, Any]) -> int:
    """Count an event's objects and lists; 0 if it is too large or not of plain types.

    It is a quicker `_check_values`, which knows only plain types, ignores how deeply they are
    nested, and cannot say what is wrong.
    """
    bytes_left = MAX_EVENT_BYTES
    holders: list[Any] = [event]
    for holder in holders:  # the list grows meanwhile, until no bytes are left
        bytes_left -= 1 + len(holder)
        if bytes_left < 0:
            return 0
        values = holder
        if type(holder) is dict:
            for key in holder:
                if type(key) is not str:
                    return 0
            values = holder.values()
        for value in values:
            kind = type(value)
            if kind is str:
                bytes_left -= len(value)
            elif kind is dict or kind is list:
                holders.append(value)
            elif not (kind in _ALWAYS_JSON or (kind is float and isfinite(value))):
                return 0
    return len(holders) if bytes_left >= 0 else 0


def _check_values(event: Mapping[str, Any]) -> None:
    """Walk through an event, without recursion, and refuse values that JSON does not have.

    The walk goes into depth first, so that a circular event soon is too deep. It adds up the least
    number of bytes that each value takes as JSON, so that parts which occur many times end it soon.
    """
    bytes_left = MAX_EVENT_BYTES
    waiting: list[tuple[Any, int, str]] = [(event, 1, "event")]
    while waiting:
        holder, level, field = waiting.pop()
        if level > MAX_NESTING:
            raise _too_deep(field)
        bytes_left -= 1 + len(holder)
        if bytes_left < 0:
            raise _too_large()
        for name, child in _children(holder, level, field):
            if isinstance(child, _SCALARS):
                bytes_left -= len(child) if isinstance(child, str) else 0
                if fault := _scalar_fault(child):
                    raise InvalidEvent(name, f"holds {fault}")
            elif isinstance(child, _HOLDERS):
                waiting.append((child, level + 1, name))
            else:
                raise InvalidEvent(name, f"holds {kind_of(child)}, which JSON does not have")


def _scalar_fault(value: Any) -> str | None:
    """Say why a value cannot be written or read again; None if it can."""
    match value:
        case float() | Decimal():
            return None if _is_finite(value) else "NaN or Infinity, which JSON does not have"
        case int():
            return None if _is_written_out(value) else "a number of too many digits"
        case datetime():
            return None if _is_moment(value) else "a local time that is out of range"
    return None


def _is_finite(number: float | Decimal) -> bool:
    """Whether a number is finite, and so as a double."""
    return (
        isfinite(number)
        if isinstance(number, float)
        else not number.is_nan() and isfinite(float(number))
    )


def _is_written_out(number: int) -> bool:
    try:
        return bool(int.__repr__(number))
    except ValueError:  # Python limits the number of digits
        return False


def _is_moment(value: datetime) -> bool:
    try:
        return bool(_with_zone(value))
    except (ValueError, OverflowError):
        return False


def _children(holder: Any, level: int, field: str) -> Iterable[tuple[str, Any]]:
    """List the values of an object or a list, each with the event's field to which it belongs."""
    if not isinstance(holder, Mapping):
        return ((field, child) for child in holder)
    for key in holder:
        if not isinstance(key, str):
            raise InvalidEvent(field, f"has a key that is not a string but {kind_of(key)}")
    return holder.items() if level == 1 else ((field, child) for child in holder.values())


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("it holds a number out of range")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")


# Made once, because making a reader takes as long as using it.
_READER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)


def kind_of(value: Any) -> str:
    """Name a value's type for an error: `null`, `a value of type list`."""
    return "null" if value is None else f"a value of type {type(value).__name__}"


def _too_large() -> InvalidEvent:
    return InvalidEvent("event", f"is larger than {MAX_EVENT_BYTES} bytes of compact JSON")


def _too_deep(field: str) -> InvalidEvent:
    return InvalidEvent(field, f"is nested more than {MAX_NESTING} levels deep")
