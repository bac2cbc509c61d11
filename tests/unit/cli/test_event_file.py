"""Reading files of events, whatever their form."""

import json
from io import BytesIO
from typing import Any

import pytest

from worker.cli.terminal import event_file
from worker.cli.terminal.event_file import Item, UnreadableFile, read_items

ONE = {"type": "track", "messageId": "m1"}
TWO = {"type": "identify", "messageId": "m2"}


def items(text: str | bytes) -> list[Item]:
    return list(read_items(BytesIO(text if isinstance(text, bytes) else text.encode())))


def events(text: str | bytes) -> list[Any]:
    return [item.event for item in items(text) if item.error is None]


def lines(*documents: Any) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


@pytest.mark.parametrize(
    "text",
    [
        lines(ONE, TWO),
        lines(ONE, TWO).rstrip("\n"),
        f"\n\n  \n{lines(ONE)}\n{lines(TWO)}\n",
        lines(ONE, TWO).replace("\n", "\r\n"),
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=2),
        f"\n{json.dumps([ONE, TWO], indent=2)}\n",
        json.dumps({"batch": [ONE, TWO]}),
        json.dumps({"batch": [ONE, TWO]}, indent=2),
        lines({"batch": [ONE]}, TWO),
        lines({"batch": [ONE]}, {"batch": [TWO]}),
        "\ufeff" + lines(ONE, TWO),
    ],
)
def test_the_form_shows_in_the_content(text: str) -> None:
    assert events(text) == [ONE, TWO]


def test_a_single_indented_event_is_one() -> None:
    assert events(json.dumps(ONE, indent=2)) == [ONE]


def test_nothing_is_nothing() -> None:
    assert items("") == items("\n \n") == []


def test_a_batch_completes_its_events() -> None:
    (event,) = events(json.dumps({"batch": [ONE], "sentAt": "now", "context": {"ip": "::1"}}))
    assert event == {**ONE, "sentAt": "now", "context": {"ip": "::1"}}


def test_an_event_with_a_field_called_batch_is_an_event() -> None:
    event = {**ONE, "batch": [TWO]}
    assert events(lines(event)) == [event]


def test_bad_lines_are_named_and_the_rest_goes_on() -> None:
    text = lines(ONE).encode() + b"nonsense\n\n\xff\xfe\n" + b"[" * 100_000 + b"\n" + b"1" * 5000
    read = items(text + b"\n" + lines(TWO).encode())
    faults = [(item.where, item.error and item.error.reason) for item in read]
    assert faults == [
        ("line 1", None),
        ("line 2", "is not JSON: Expecting value (column 1)"),
        ("line 4", "is not UTF-8"),
        ("line 5", "is nested too deeply"),
        ("line 6", "holds a number of too many digits"),
        ("line 7", None),
    ]


def test_a_first_line_that_breaks_off_does_not_spoil_the_rest() -> None:
    read = items(b'{"type": "track",\n' + lines(ONE, TWO).encode())
    assert [item.where for item in read if item.error] == ["line 1"]
    assert [item.event for item in read if not item.error] == [ONE, TWO]


def test_a_large_file_is_not_read_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read ahead ends within a line, which is completed."""
    monkeypatch.setattr(event_file, "MAX_DOCUMENT_BYTES", 50)
    rest = [{**ONE, "messageId": f"m{number}"} for number in range(10)]
    assert events(b'{"type": "track",\n' + lines(*rest).encode()) == rest


@pytest.mark.parametrize("text", ["[", '[{"type": 1},\n 3', "[1]\n[2]", "[" * 100_000, "[\udcff"])
def test_what_begins_like_an_array_must_be_one(text: str) -> None:
    with pytest.raises(UnreadableFile, match="begins like a JSON array but "):
        items(text.encode(errors="surrogateescape"))


@pytest.mark.parametrize(
    "text", [lines(ONE, TWO, ONE), json.dumps([ONE, TWO, ONE]), lines({"batch": [ONE, TWO, ONE]})]
)
def test_progress_ends_with_the_file(text: str) -> None:
    positions = [item.end for item in items(text)]
    assert positions == sorted(set(positions))
    assert positions[-1] == len(text)
