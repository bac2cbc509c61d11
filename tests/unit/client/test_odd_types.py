"""Events made of other types than a JSON reader makes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from convertro.segment_event import encode


@dataclass(frozen=True)
class Frozen(Mapping[str, Any]):
    """A mapping that happens to be a dataclass."""

    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Named(str):  # noqa: SLOT000  a dataclass, and nothing cleverer
    """A string that happens to be a dataclass."""

    unit: str = "kg"


class Renamed(dict[str, Any]):
    """A dict that says other things than it holds."""

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
def test_a_subclass_is_written_as_what_it_is_checked_as(event: Any, stored: Any) -> None:
    assert json.loads(encode(event)) == stored
