"""Reading files of events in all their forms."""

import bz2
import gzip
import json
import lzma
import os
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from worker.cli.terminal import event_file
from worker.cli.terminal.event_file import Item, UnreadableFile, open_events, read_items

ONE = {"type": "track", "messageId": "m1"}
TWO = {"type": "identify", "messageId": "m2"}


def items(text: str | bytes) -> list[Item]:
    return list(read_items(BytesIO(text if isinstance(text, bytes) else text.encode())))


def events(text: str | bytes) -> list[Any]:
    return [item.event for item in items(text) if item.error is None]


def faults(text: str | bytes) -> list[tuple[str, str | None]]:
    return [(item.where, str(item.error) if item.error else None) for item in items(text)]


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
        json.dumps([ONE, TWO], indent=2).replace("\n", "\r\n"),
        f"\n{json.dumps([ONE, TWO], indent=2)}\n",
        json.dumps({"batch": [ONE, TWO]}),
        json.dumps({"batch": [ONE, TWO]}, indent=2),
        json.dumps({"type": "batch", "batch": [ONE, TWO]}),
        json.dumps([{"batch": [ONE]}, {"batch": [TWO]}]),
        json.dumps([{"batch": [ONE]}, TWO], indent=2),
        lines({"batch": [ONE]}, TWO),
        lines({"batch": [ONE]}, {"batch": [TWO]}),
        lines([ONE], [TWO]),
        lines([{"batch": [ONE]}, {"batch": []}], [], [TWO]),
        "\ufeff" + lines(ONE, TWO),
        "\ufeff\n" + lines(ONE, TWO),
        "\ufeff" + json.dumps([ONE, TWO], indent=2),
        lines(ONE) + "\ufeff" + lines(TWO),
    ],
)
def test_the_form_shows_in_the_content(text: str) -> None:
    assert events(text) == [ONE, TWO]


def test_a_single_indented_event_is_one() -> None:
    assert events(json.dumps(ONE, indent=2)) == [ONE]


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", "[]", '{"batch": []}', "[\n]\n"])
def test_an_empty_file_has_no_events(text: str) -> None:
    assert items(text) == []


def test_a_batch_completes_its_events() -> None:
    (event,) = events(json.dumps({"batch": [ONE], "sentAt": "now", "context": {"ip": "::1"}}))
    assert event == {**ONE, "sentAt": "now", "context": {"ip": "::1"}}


def test_bad_lines_are_named_and_the_rest_goes_on() -> None:
    text = lines(ONE).encode() + b"nonsense\n\n\xff\xfe\n" + b"[" * 100_000 + b"\n" + b"1" * 5000
    assert faults(text + b"\n" + lines(TWO).encode()) == [
        ("line 1", None),
        ("line 2", "event is not JSON: Expecting value (column 1)"),
        ("line 4", "event is not UTF-8"),
        ("line 5", "event is nested too deeply"),
        ("line 6", "event holds a number of too many digits"),
        ("line 7", None),
    ]


def test_what_cannot_be_taken_is_named_by_its_place_in_its_line() -> None:
    nameless = {"event": "Signed Up", "userId": "u1"}
    told = [
        (where, fault.split()[0])
        for where, fault in faults(
            lines(
                nameless, [ONE, nameless], {"batch": [ONE, nameless]}, [TWO, {"batch": [nameless]}]
            )
        )
        if fault
    ]
    assert told == [
        ("line 1", "type"),
        ("line 2, event 2", "type"),
        ("line 3, event 2", "type"),
        ("line 4, batch 2, event 1", "type"),
    ]


def test_a_document_of_several_lines_is_where_it_begins() -> None:
    places = [item.where for item in items("\n\n" + json.dumps([ONE, {"batch": [TWO]}], indent=2))]
    assert places == ["line 3, event 1", "line 3, batch 2, event 1"]


def test_a_first_line_that_breaks_off_does_not_spoil_the_rest() -> None:
    read = items(b'{"type": "track",\n' + lines(ONE, TWO).encode())
    assert [item.where for item in read if item.error] == ["line 1"]
    assert [item.event for item in read if not item.error] == [ONE, TWO]


def test_a_large_file_is_not_read_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that was read ahead ends within a line, which is then completed."""
    monkeypatch.setattr(event_file, "MAX_DOCUMENT_BYTES", 50)
    rest = [{**ONE, "messageId": f"m{number}"} for number in range(10)]
    assert events(b'{"type": "track",\n' + lines(*rest).encode()) == rest


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_is_too_long_is_named_and_skipped(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(event_file, "MAX_DOCUMENT_BYTES", 50)
    for padding in (100, 51 - len(lines(ONE)), 151 - len(lines(ONE))):
        long = json.dumps(ONE) + " " * padding + end
        told = faults(lines(ONE) + long + (lines(TWO) if end else ""))
        assert [where for where, fault in told if fault] == ["line 2"] * (len(long) > 50)
        assert [where for where, fault in told if not fault and where != "line 2"] == (
            ["line 1", "line 3"] if end else ["line 1"]
        )


def test_a_long_array_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_file, "MAX_DOCUMENT_BYTES", 1024**2)
    text = json.dumps([ONE] * 50_000, indent=2)
    with pytest.raises(UnreadableFile, match="is larger than 1 MiB; write one event a line"):
        items(text)


@pytest.mark.parametrize("text", ["[", '[{"type": 1},\n 3', "[1,\n2]\n[2]", "\ufeff[\n\udcff"])
def test_what_begins_like_an_array_must_be_one(text: str) -> None:
    with pytest.raises(UnreadableFile, match="begins like a JSON array but "):
        items(text.encode(errors="surrogateescape"))


def test_a_broken_array_is_reported_with_its_line_in_the_file() -> None:
    with pytest.raises(UnreadableFile, match=r"is not JSON: Expecting value \(line 4, column 1\)"):
        items('\n\n[{"type": "track"},\n}')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-be"])
def test_utf_16_is_reported(encoding: str) -> None:
    for text in (lines(ONE, TWO), json.dumps([ONE], indent=2)):
        with pytest.raises(UnreadableFile, match="it looks like UTF-16; convert it to UTF-8"):
            items(text.encode(encoding))


def zipped(data: bytes) -> bytes:
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.jsonl", data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (lambda data: gzip.compress(gzip.compress(data)), "gzip, packed twice"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (zipped, "zip"),
        (lambda data: b"\x28\xb5\x2f\xfd\x24" + data, "zstd"),
    ],
)
def test_other_packing_than_gzip_is_reported(pack: Callable[[bytes], bytes], name: str) -> None:
    with pytest.raises(UnreadableFile, match=f"it looks like {name}; unpack it first"):
        items(pack(lines(ONE, TWO).encode()))


@pytest.mark.parametrize(
    "text",
    [
        lines(ONE, TWO, ONE),
        json.dumps([ONE, TWO, ONE]),
        json.dumps([ONE, TWO, ONE], indent=2),
        lines({"batch": [ONE, TWO, ONE]}),
        lines([{"batch": [ONE, TWO]}], [ONE]),
    ],
)
def test_progress_ends_with_the_file(text: str) -> None:
    positions = [item.end for item in items(text)]
    assert positions == sorted(set(positions))
    assert positions[-1] == len(text)


def read_file(path: Path) -> list[Any]:
    with open_events(path) as file:
        return [item.event for item in read_items(file)]


def read_standard_input(path: Path) -> list[Any]:
    """Read events from a pipe that brings a single byte first."""
    reading, writing = os.pipe()
    text = path.read_bytes()
    with (
        os.fdopen(reading, "rb") as pipe,
        os.fdopen(writing, "wb", buffering=0) as writer,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", SimpleNamespace(buffer=pipe))
        writer.write(text[:1])
        with open_events(Path("-")) as file:
            writer.write(text[1:])
            writer.close()
            return [item.event for item in read_items(file)]


Read = Callable[[Path], list[Any]]
both = pytest.mark.parametrize("read", [read_file, read_standard_input])


@both
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_gzip_is_recognised(tmp_path: Path, read: Read, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "events"
    path.write_bytes(pack(b"\xef\xbb\xbf" + lines(ONE, {"batch": [TWO]}).encode()))
    assert read(path) == [ONE, TWO]


@both
def test_gzip_files_may_follow_each_other(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(b"".join(gzip.compress(lines(one).encode()) for one in (ONE, TWO)))
    assert read(path) == [ONE, TWO]


@both
@pytest.mark.parametrize("kept", [2, 10, 300, -1, -8])
def test_gzip_that_ends_too_early_is_one_error(tmp_path: Path, read: Read, kept: int) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(random.Random(1).randbytes(1000).hex().encode())[:kept])
    with pytest.raises(UnreadableFile, match="its gzip data end too early"):
        read(path)


@pytest.mark.parametrize("place", [2, 200, -5, -2])
def test_damaged_gzip_is_one_error(tmp_path: Path, place: int) -> None:
    packed = bytearray(gzip.compress(random.Random(1).randbytes(1000).hex().encode()))
    packed[place] ^= 0xFF
    path = tmp_path / "events.gz"
    path.write_bytes(packed)
    with pytest.raises(UnreadableFile, match="its gzip data are damaged"):
        read_file(path)


def test_other_bytes_after_gzip_data_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(lines(ONE).encode()) + lines(TWO).encode())
    with pytest.raises(UnreadableFile, match="its gzip data are damaged"):
        read_file(path)


def test_a_line_that_only_begins_like_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"\x1f" + lines(ONE).encode())
    assert read_file(path) == [None]


@pytest.mark.parametrize("byte", [b" ", b"\n", b"a", b"["])
def test_a_gzip_bomb_takes_no_more_memory_than_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, byte: bytes
) -> None:
    bound = 32 * 1024
    monkeypatch.setattr(event_file, "MAX_DOCUMENT_BYTES", bound)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(byte * 16 * bound))
    tracemalloc.start()
    try:
        read_file(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * bound
    finally:
        tracemalloc.stop()
