"""Checks strictly what a request to Convertro must look like. Without effects.

It shares no code with what builds the requests, on purpose: two readings of one contract catch each
other's mistakes. `docs/contract.md` is the same contract in words.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

_ENDPOINTS = ("users", "events", "installs")

#: `/v1/{client_name}/{site_id}/{endpoint}`
PATH = re.compile(rf"/v1/[^/]+/[^/]+/({'|'.join(_ENDPOINTS)})")

#: The largest body, in bytes. An event has up to 64 KiB, so no proper call comes near this.
MAX_BODY_BYTES = 1024 * 1024

OK_BODY = b'{"status":"ok"}'


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a request is refused."""

    #: The HTTP status of the answer.
    status: int
    #: A sentence for the developer.
    message: str


@dataclass(frozen=True, slots=True)
class _ValueKind:
    """What a field's value must be."""

    #: Completes "… must be".
    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of one call's body."""

    required: Mapping[str, _ValueKind]
    optional: Mapping[str, _ValueKind] = field(default_factory=dict)

    def faults_of(self, value: Mapping[str, Any]) -> list[str]:
        """Everything that is wrong with a body, one clause each."""
        missing = [f"{name} is required" for name in self.required if name not in value]
        return missing + [clause for name in value if (clause := self._fault_of(name, value[name]))]

    def _fault_of(self, name: str, value: Any) -> str | None:
        kind = self.required.get(name) or self.optional.get(name)
        if kind is None:
            return f"unknown field: {name}"
        if value is None:
            return f"{name} is null; an absent value is left out"
        return None if kind.holds(value) else f"{name} must be {kind.says}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    """Whether a value is a number in JSON; true and false are not, though Python counts them so."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None


def _is_iso_8601(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _details(*names: str) -> _ValueKind:
    """The kind of an object that may have some names, each with a string or a number."""

    def holds(value: Any) -> bool:
        return isinstance(value, dict) and all(
            name in names and (isinstance(detail, str) or _is_number(detail))
            for name, detail in value.items()
        )

    return _ValueKind(f"an object of {', '.join(names)}, each a string or a number", holds)


_TEXT = _ValueKind("a non-empty string", _is_text)
_NUMBER = _ValueKind("a finite number", _is_number)
_CURRENCY = _ValueKind("three capital letters", _is_currency)
_TIMESTAMP = _ValueKind("an ISO 8601 string", _is_iso_8601)
_OBJECT = _ValueKind("an object", lambda value: isinstance(value, dict))

TRACK_USER = Body({"domain": _TEXT, "user_id": _TEXT, "traits": _OBJECT}, {"visitor_id": _TEXT})
LINK_DEVICE = Body({"domain": _TEXT, "device_id": _TEXT, "user_id": _TEXT})
TRACK_EVENT = Body(
    {"domain": _TEXT, "event_type": _TEXT},
    {
        "visitor_id": _TEXT,
        "user_id": _TEXT,
        "event_id": _TEXT,
        "event_value": _NUMBER,
        "currency": _CURRENCY,
        "timestamp": _TIMESTAMP,
    },
)
DEVICE_EVENT = Body(
    {"domain": _TEXT, "device_id": _TEXT, "event_type": _TEXT, "event_value": _NUMBER},
    {"user_id": _TEXT, "event_id": _TEXT, "currency": _CURRENCY, "timestamp": _TIMESTAMP},
)
INSTALL = Body(
    {
        "domain": _TEXT,
        "device_id": _TEXT,
        "app": _details("name", "version", "build", "namespace"),
        "os": _details("name", "version"),
    },
    {"user_id": _TEXT, "advertising_id": _TEXT, "timestamp": _TIMESTAMP},
)


def endpoint_of(path: str, account: str | None = None) -> str | None:
    """The endpoint that a path names; None if it names none.

    Args:
        path: The path as it was requested: percent-encoded, without its query.
        account: The only `client_name/site_id` that is known; None if every one is.
    """
    if account and not path.startswith(f"/v1/{account}/"):
        return None
    found = PATH.fullmatch(path)
    return found[1] if found else None


def violation_of(
    method: str, endpoint: str | None, content_type: str, key: str, body: bytes
) -> Violation | None:
    """Check a whole request.

    Args:
        method: The HTTP method.
        endpoint: The answer of `endpoint_of` for the path.
        content_type: The `Content-Type` header; empty if there is none.
        key: The `Idempotency-Key` header; empty if there is none.
        body: The body as it was received.
    """
    if endpoint is None:
        return Violation(404, f"no such path; known are /v1/CLIENT/SITE/{'|'.join(_ENDPOINTS)}")
    if method != "POST":
        return Violation(405, f"{method} is not allowed; use POST")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return Violation(415, "the content type must be application/json")
    if not key:
        return Violation(400, "the Idempotency-Key header is required")
    if not key.isascii() or not key.isprintable() or " " in key:
        return Violation(400, "the Idempotency-Key header must be visible ASCII")
    return _body_violation(endpoint, body)


def _body_violation(endpoint: str, body: bytes) -> Violation | None:
    try:
        value = json.loads(body.decode(), parse_float=_finite, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Violation(400, f"the body is not JSON: {error}")
    if not isinstance(value, dict):
        return Violation(400, "the body must be a JSON object")
    clauses = _clauses(endpoint, value)
    return Violation(400, "; ".join(clauses)) if clauses else None


def _clauses(endpoint: str, value: Mapping[str, Any]) -> list[str]:
    if endpoint == "installs":
        return INSTALL.faults_of(value)
    if endpoint == "users":
        return (LINK_DEVICE if "device_id" in value else TRACK_USER).faults_of(value)
    if "device_id" in value:
        return DEVICE_EVENT.faults_of(value)
    clauses = TRACK_EVENT.faults_of(value)
    if "visitor_id" not in value and "user_id" not in value:
        clauses.append("one of visitor_id, user_id and device_id is required")
    return clauses


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON value")
