"""Bodies that real libraries posted, and the expected end of each event in them."""

import gzip
import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.support.cli_process import json_lines

BODIES = Path(__file__).resolve().parents[1] / "fixtures" / "sdk_bodies"

EXPECTED = json_lines((BODIES / "expected.jsonl").read_text())
BY_BODY = {name: list(rows) for name, rows in groupby(EXPECTED, lambda row: row["body"])}

#: The settings with which the expectations hold.
SETTINGS = {
    "HYBRID_ATTRIBUTION_MODEL": "true",
    "EVENTS": json.dumps({"Signed Up": "signup", "Lead": "lead", "Käufe ✓ 完了": "purchase"}),
}


def events_of(name: str) -> list[Any]:
    """The events of a body, read without the product's code."""
    raw = (BODIES / name).read_bytes()
    document = json.loads(gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw)
    events: list[Any] = document.get("batch", [document])
    return events


def ends_of_all() -> dict[str, Mapping[str, Any]]:
    """The expected end of each id, if the bodies are sent in order.

    One id was given by hand to several events; the first of them counts.
    """
    ends: dict[str, Mapping[str, Any]] = {}
    for name, rows in BY_BODY.items():
        for event, row in zip(events_of(name), rows, strict=True):
            if "refused" not in row:
                ends.setdefault(event["messageId"], row)
    return ends


def end_of(row: Mapping[str, Any]) -> str:
    """The counter of an event's expected end."""
    if "skip" in row:
        return f"skipped:{row['skip']}"
    return f"dead:{row['dead']}" if "dead" in row else "delivered"
