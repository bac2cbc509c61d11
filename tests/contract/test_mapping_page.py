"""The tables of docs/mapping.md are true."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.destination import ConvertroSettings
from convertro.segment_event import id_of
from tests.support.events import ABSENT, order_completed, web_track
from worker.destination import translate
from worker.destination.amounts import amount_of
from worker.destination.event_names import is_order_completed, normalised

PAGE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()


def rows(header: str) -> list[list[str]]:
    """The cells of the page's table with a header, without backquotes."""
    (table,) = (part for part in PAGE.split("\n\n") if part.startswith(f"| {header} |"))
    lines = table.strip().splitlines()[2:]
    return [[_plain(cell) for cell in line[2:-2].split(" | ")] for line in lines]


def _plain(cell: str) -> str:
    return cell[1:-1] if cell.startswith("`") and cell.count("`") == 2 else cell


@pytest.mark.parametrize(("value", "amount"), rows("value | amount"))
def test_amounts(value: str, amount: str) -> None:
    assert amount_of(json.loads(value)) == (None if amount == "none" else float(amount))


@pytest.mark.parametrize(("value", "text"), rows("value | sent as"))
def test_ids(value: str, text: str) -> None:
    assert id_of(json.loads(value)) == (None if text == "none" else text)


@pytest.mark.parametrize(("name", "answer"), rows("name | an order?"))
def test_names_of_orders(name: str, answer: str) -> None:
    assert is_order_completed(name) == (answer == "yes")


@pytest.mark.parametrize(("name", "form"), rows("name | compared as"))
def test_forms_of_names(name: str, form: str) -> None:
    assert normalised(name) == form


@pytest.mark.parametrize(("integrations", "answer"), rows("`integrations` | sent?")[1:])
def test_integrations(integrations: str, answer: str) -> None:
    event = web_track(integrations=json.loads(integrations))
    skipped = translate(event, ConvertroSettings()).skipped
    assert skipped == ("disabled" if answer == "no" else "unmapped_event")


@pytest.mark.parametrize(("preferences", "answer"), rows("`categoryPreferences` | sent?"))
def test_consent(preferences: str, answer: str) -> None:
    event = web_track(context={"consent": {"categoryPreferences": json.loads(preferences)}})
    settings = ConvertroSettings(consent_categories=["Advertising", "Analytics"])
    assert (translate(event, settings).skipped == "no_consent") == (answer == "no")


@pytest.mark.parametrize(
    ("row", "repeat"), [(0, True), (1, False), *((2, value) for value in (ABSENT, None, "true", 1))]
)
def test_types_of_sales(row: int, repeat: Any) -> None:
    _, plain, hybrid = rows("`repeat` | calls | with the hybrid attribution model")[row]
    properties = {"id": "1"} if repeat is ABSENT else {"id": "1", "repeat": repeat}
    event = order_completed(properties=properties)
    for cell, is_hybrid in ((plain, False), (hybrid, True)):
        calls: Any = translate(event, ConvertroSettings(hybrid_attribution_model=is_hybrid)).calls
        assert [call.event_type for call in calls] == cell.replace("`", "").split(", then ")
