"""Events of other types than those that a JSON reader makes."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from convertro.errors import InvalidEvent
from convertro.segment_event import decode, encode, event_id


@dataclass(frozen=True)
class Frozen(Mapping[str, Any]):
    """A mapping that is also a dataclass."""

    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Named(str):  # noqa: SLOT000  a dataclass, and nothing cleverer
    """A string that is also a dataclass."""

    unit: str = "kg"


class Renamed(dict[str, Any]):
    """A dict whose `items` differ from its content."""

    def items(self) -> Any:
        return {key.lower(): value for key, value in super().items()}.items()


@pytest.mark.parametrize(
    ("event", "stored"),
    [
        (Frozen({"type": "track"}), {"type": "track"}),
        ({"type": "track", "traits": Frozen({"a": 1})}, {"type": "track", "traits": {"a": 1}}),
        ({"type": "track", "name": Named("x")}, {"type": "track", "name": "x"}),
        ({"type": "track", "name": Renamed(A=1)}, {"type": "track", "name": {"a": 1}}),
    ],
    ids=["event", "mapping", "string", "dict"],
)
def test_a_subclass_is_written_with_the_values_that_were_checked(event: Any, stored: Any) -> None:
    assert json.loads(encode(event)) == stored


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


UUID_4 = "b54ce9cc-7e0d-4bd5-a0c6-0a4b0b0c3f2f"
TOKYO = timezone(timedelta(hours=9))


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            datetime(2026, 5, 4, 10, 15, 30, 123000, tzinfo=UTC),
            '"2026-05-04T10:15:30.123000+00:00"',
        ),
        (datetime(2026, 5, 4, 10, 15, 30, tzinfo=TOKYO), '"2026-05-04T10:15:30+09:00"'),
        (datetime(2026, 5, 4, 10, 15, 30), '"2026-05-04T10:15:30-04:00"'),  # noqa: DTZ001  local time
        (datetime(2026, 1, 4, 10, 15, 30), '"2026-01-04T10:15:30-05:00"'),  # noqa: DTZ001  the same
        (date(2026, 5, 4), '"2026-05-04"'),
        (Decimal("19.99"), "19.99"),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (Decimal("1E+5"), "1E+5"),
        (Decimal("-0.00"), "-0.00"),
        (UUID(UUID_4), f'"{UUID_4}"'),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["timestamp", "properties"])
def test_what_segments_libraries_take_is_written_as_they_write_it(
    value: Any, text: str, place: str
) -> None:
    event = {"type": "track", place: value if place == "timestamp" else {"a": [value]}}
    raw = encode(event)
    assert raw.decode() == '{"type":"track",' + (
        f'"timestamp":{text}}}' if place == "timestamp" else f'"properties":{{"a":[{text}]}}}}'
    )
    assert decode(raw)


@pytest.mark.parametrize(
    "value",
    [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-1E+400"), float("nan")],
    ids=str,
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="properties holds NaN or Infinity"):
        encode({"type": "track", "properties": {"total": value}})


def test_a_uuid_is_an_id() -> None:
    event = {"type": "track", "messageId": UUID(UUID_4), "userId": UUID(UUID_4)}
    assert event_id(event, encode(event)) == UUID_4
    assert decode(encode(event))["userId"] == UUID_4


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize("day", [(1, 1, 1), (9999, 12, 31)])
def test_a_local_time_out_of_range_is_refused_by_its_name(day: tuple[int, int, int]) -> None:
    moment = datetime(*day, 23)  # noqa: DTZ001  local time
    with pytest.raises(InvalidEvent, match=r"^timestamp holds a local time that is out of range$"):
        encode({"type": "track", "timestamp": moment})


class Stamp(datetime):
    """A datetime with its own `astimezone`, as the Timestamp of pandas."""

    def astimezone(self, tz: Any) -> Any:  # type: ignore[override]  # as in pandas
        return super().astimezone(tz)


@pytest.mark.usefixtures("in_new_york")
def test_a_kind_of_datetime_without_a_zone_is_local_time_too() -> None:
    raw = encode({"type": "track", "timestamp": Stamp(2026, 5, 4, 10, 15, 30)})
    assert decode(raw)["timestamp"] == "2026-05-04T10:15:30-04:00"
