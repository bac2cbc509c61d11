"""The destination's settings, which translation needs, named as in Segment. Pure."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode


class EventMapping(NamedTuple):
    """One entry of the `events` setting: a Segment event name and its Convertro type."""

    key: str
    value: str


def _read_json(given: Any, empty: str) -> Any:
    """Read a value from JSON text, as variables have it; return any other value unchanged."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given or empty, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("is not JSON that can be read: it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object; refuse a name that it has twice, because one value would be lost."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"has {name!r} twice; a list of key/value objects may name it twice")
        made[name] = value
    return made


def _parse_events(given: Any) -> tuple[EventMapping, ...]:
    """Read the `events` setting from JSON text, an object, or a list of key/value objects."""
    given = _read_json(given, "{}")
    if isinstance(given, Mapping):
        return tuple(_mapping(repr(key), key, value) for key, value in given.items())
    if isinstance(given, list | tuple):
        return tuple(_listed_mapping(number, entry) for number, entry in enumerate(given, start=1))
    raise ValueError('must be an object {"Segment name": "type"} or a list of key/value objects')


def _listed_mapping(number: int, entry: Any) -> EventMapping:
    where = f"entry {number}"
    if isinstance(entry, EventMapping):
        return entry
    if not isinstance(entry, Mapping) or set(entry) != {"key", "value"}:
        raise ValueError(f'{where} must be {{"key": "Segment name", "value": "type"}}')
    return _mapping(where, entry["key"], entry["value"])


def _mapping(where: str, key: Any, value: Any) -> EventMapping:
    if not isinstance(key, str) or not key:
        raise ValueError(f"{where}: the Segment name must be a non-empty string")
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: the Convertro type must be a non-empty string")
    return EventMapping(key, value)


def _parse_names(given: Any) -> tuple[str, ...]:
    given = _read_json(given, "[]")
    if isinstance(given, list | tuple):
        return tuple(_name(number, name) for number, name in enumerate(given, start=1))
    raise ValueError('must be a list ["name", "other name"]')


def _name(number: int, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"entry {number} must be a non-empty string")
    return name


class ConvertroSettings(BaseModel):
    """The destination's settings, which translation needs, named as in Segment.

    Every argument is optional, and the environment is not read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(
        "", description="Convertro account name; available to the path as {account}."
    )
    client_name: str = Field("", description="Convertro client name; part of the path.")
    site_id: str = Field("", description="Convertro site id; part of the path.")
    domain: str = Field("", description="Your site's domain as Convertro knows it; in every body.")
    events: Annotated[tuple[EventMapping, ...], NoDecode, BeforeValidator(_parse_events)] = Field(
        (),
        description=(
            "Web events besides orders: Segment event name to Convertro event type, as a JSON "
            'object or as a list of {"key": …, "value": …}. A web event without an entry is '
            "skipped as unmapped_event."
        ),
    )
    hybrid_attribution_model: bool = Field(
        False,
        description="Send sale besides sale.new / sale.repeat for web orders that say which.",
    )
    consent_categories: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_names)] = Field(
        (),
        description=(
            "Consent categories that must be true in context.consent.categoryPreferences, as a "
            "JSON list of names; an event that says otherwise is skipped as no_consent, one "
            "without preferences is sent."
        ),
    )
