"""Reads raw events from a file: JSONL, a JSON array, or Segment's batches, gzip or not.

The content shows which of them it is. JSONL is read line by line, whatever its size; a document of
several lines is read as a whole. `segment_batch` finds the events in a document.
"""

import json
import sys
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, BytesIO
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Any, NamedTuple, cast

import typer

from convertro.errors import InvalidEvent
from worker.cli.terminal.file_ids import FileIds
from worker.segment_batch import Entry, entries_of

_GZIP_MAGIC = b"\x1f\x8b"

#: How files begin that are packed in a way that is not supported.
_PACKED = {
    _GZIP_MAGIC: "gzip, packed twice",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"(\xb5/\xfd": "zstd",
}

#: The size of the largest document and of the longest line, unpacked, in bytes. If the first line
#: ends within a JSON value, this much is read to see whether it begins a document of several lines.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Raw events: JSONL, a JSON array, or Segment batches, gzip or not; - for standard "
        "input.",
    ),
]


class UnreadableFile(ValueError):  # noqa: N818  the name says what is so
    """The file cannot be read, or cannot be read to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One would-be event of a file."""

    #: Its place, for people: `line 12`, `line 1, event 3`.
    where: str
    #: The event as JSON, completed with the fields that its batch shares; None if it is not JSON.
    event: Any = None
    #: The id that was made for an event without one.
    made_id: str | None = None
    #: Why it cannot be accepted.
    error: InvalidEvent | None = None
    #: The number of unpacked bytes from the file's beginning to the end of this event. A document's
    #: bytes are spread evenly over its events.
    end: int = 0

    @property
    def identified(self) -> Any:
        """The event with the id under which it is known."""
        return self.event if self.made_id is None else {**self.event, "messageId": self.made_id}


class _Line(NamedTuple):
    """A line that is not blank."""

    number: int
    #: The line; if it is too long, cut to one byte more than the bound.
    text: bytes
    #: The number of bytes of the file before it.
    begin: int


@contextmanager
def open_events(path: Path) -> Iterator[IO[bytes]]:
    """Open a file of events, or standard input, and unpack it if it is gzip."""
    if path == Path("-"):
        yield _unpacked(cast("BufferedReader", sys.stdin.buffer))
    else:
        with path.open("rb") as file:
            yield _unpacked(file)


def _unpacked(file: BufferedReader) -> IO[bytes]:
    # A pipe may so far hold only the first byte of the two; no JSON begins with it.
    head = file.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
    if head and _GZIP_MAGIC.startswith(head):
        return cast("IO[bytes]", GzipFile(fileobj=file))
    return file


def read_items(file: IO[bytes]) -> Iterator[Item]:
    """Go through the events of a file, including those that cannot be accepted.

    Raises:
        UnreadableFile: It begins like a JSON array but is not one, it is UTF-16, it is packed
            otherwise than with gzip, or its gzip data end too early or are damaged.
    """
    try:
        yield from _items(file, FileIds())
    except EOFError:
        raise UnreadableFile("its gzip data end too early, so part of it is missing") from None
    except (BadGzipFile, zlib.error):
        raise UnreadableFile("its gzip data are damaged") from None


def _items(file: IO[bytes], ids: FileIds) -> Iterator[Item]:
    lines = _numbered(_bounded_lines(file))
    first = next(lines, None)
    if first is None:
        return
    _refuse_packed(first.text)
    _refuse_utf_16(first.text)
    if _breaks_off(first.text):
        yield from _document_or_lines(first, file, ids)
    else:
        for line in chain([first], lines):
            yield from _line_items(line, ids)


def _document_or_lines(first: _Line, file: IO[bytes], ids: FileIds) -> Iterator[Item]:
    """The events of a document of several lines, or of JSONL whose first line is incomplete."""
    text = first.text + file.read(MAX_DOCUMENT_BYTES + 1 - len(first.text))
    try:
        document = _parsed(text)
    except (ValueError, RecursionError) as error:
        if first.text.removeprefix(BOM_UTF8).lstrip().startswith(b"["):
            fault = f"it begins like a JSON array but {_fault(error, first.number)}"
            raise UnreadableFile(fault) from None
        text += file.readline(MAX_DOCUMENT_BYTES)
        lines = chain(_bounded_lines(BytesIO(text)), _bounded_lines(file))
        for line in _numbered(lines, first.number, first.begin):
            yield from _line_items(line, ids)
    else:
        yield from _document_items(document, first._replace(text=text), ids)


def _bounded_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; a line that is too long is cut."""
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        yield line
        while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_DOCUMENT_BYTES + 1)


def _numbered(lines: Iterable[bytes], number: int = 1, begin: int = 0) -> Iterator[_Line]:
    """The lines that are not blank; numbers and bytes are counted from the given ones on."""
    for text in lines:
        if text.removeprefix(BOM_UTF8).strip():
            yield _Line(number, text, begin)
        number += 1
        begin += len(text)


def _refuse_packed(text: bytes) -> None:
    """Refuse a packed file at once, because nothing in it can be read as a line."""
    for magic, name in _PACKED.items():
        if text.startswith(magic):
            raise UnreadableFile(f"it looks like {name}; unpack it first, or pack it with gzip")


def _refuse_utf_16(text: bytes) -> None:
    """Refuse UTF-16 at once, because its lines would be split within characters."""
    if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in text[:4]:
        raise UnreadableFile("it looks like UTF-16; convert it to UTF-8 first")


def _breaks_off(text: bytes) -> bool:
    """Whether a line ends within a JSON value, as the first line of an indented document does."""
    try:
        _parsed(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(error.doc.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


class _TooLarge(ValueError):  # noqa: N818  the name says what is so
    """A document or a line is larger than the bound."""


def _parsed(text: bytes) -> Any:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise _TooLarge
    return json.loads(text.decode("utf-8-sig"))


def _fault(error: Exception, first_line: int = 1) -> str:
    """Why a text that begins in a line is not JSON, without quoting it."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {first_line + error.lineno - 1}, " if error.lineno > 1 else ""
        return f"is not JSON: {error.msg} ({where}column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, _TooLarge):
        return f"is larger than {MAX_DOCUMENT_BYTES // 1024**2} MiB; write one event a line"
    return "holds a number of too many digits"


def _line_items(line: _Line, ids: FileIds) -> Iterator[Item]:
    """The events of a line, or what is wrong with it."""
    try:
        document = _parsed(line.text)
    except (ValueError, RecursionError) as error:
        end = line.begin + len(line.text)
        yield Item(f"line {line.number}", error=InvalidEvent("event", _fault(error)), end=end)
    else:
        yield from _document_items(document, line, ids)


def _document_items(document: Any, line: _Line, ids: FileIds) -> Iterator[Item]:
    """The events of a document that begins in a line."""
    entries = list(entries_of(document))
    for number, entry in enumerate(entries, start=1):
        where = ", ".join([f"line {line.number}", *entry.where])
        end = line.begin + len(line.text) * number // len(entries)
        yield _item(entry, ids, where, end)


def _item(entry: Entry, ids: FileIds, where: str, end: int) -> Item:
    """An event of a document, with its id and with the fields that its batch shares."""
    if entry.error or not isinstance(entry.event, Mapping):
        return Item(where, entry.event, error=entry.error, end=end)
    try:
        made_id = ids.made_for(entry.event)
    except InvalidEvent as error:
        return Item(where, entry.event, error=error, end=end)
    return Item(where, entry.completed(), made_id, end=end)
