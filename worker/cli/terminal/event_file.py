"""Reading raw events from a file: JSONL, a JSON array, or Segment's batch.

Which of them it is shows in the content. JSONL is read line by line, whatever its size; a
document of several lines is read as a whole.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from convertro.errors import InvalidEvent
from convertro.segment_event import MAX_NESTING, kind_of
from worker.cli.terminal.exit_codes import ExitCode, fail

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: A first line that breaks off within a JSON value may belong to a document of several lines.
#: That much is read to find out; a larger document is taken for JSONL.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Raw events: JSONL, a JSON array, or a Segment batch; - for standard input.",
    ),
]


class UnreadableFile(ValueError):  # noqa: N818  the name says what is so
    """The file as a whole is not JSON; the message says where it breaks."""


@dataclass(frozen=True, slots=True)
class Item:
    """One would-be event of a file."""

    #: Where it is, for people: `line 12`, `event 3`.
    where: str
    #: What the file says there, if it is JSON.
    event: Any = None
    #: Why it cannot be read.
    error: InvalidEvent | None = None
    #: Bytes of the file up to here; a document's are spread evenly over its events.
    end: int = 0


@contextmanager
def open_events(path: Path) -> Iterator[IO[bytes]]:
    """Open a file of events, or standard input.

    Raises:
        Exit: The block found that it cannot be read as events.
    """
    try:
        if path == Path("-"):
            yield sys.stdin.buffer
        else:
            with path.open("rb") as file:
                yield file
    except UnreadableFile as error:
        fail(ExitCode.USAGE, f"{path} cannot be read: {error}")


def read_items(file: IO[bytes]) -> Iterator[Item]:
    """Go through the events of a file, the unreadable ones included.

    Raises:
        UnreadableFile: It begins like a JSON array and is none.
    """
    opening = _opening(file)
    is_array = opening[-1].lstrip().startswith(b"[")
    if not is_array and not _breaks_off(opening[-1]):
        yield from _line_items(chain(opening, file))
        return
    text = b"".join([*opening, file.read(-1 if is_array else MAX_DOCUMENT_BYTES)])
    try:
        document = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        if is_array:
            fault = f"it begins like a JSON array but {_fault(error)}"
            raise UnreadableFile(fault) from None
        if not text.endswith(b"\n"):
            text += file.readline()
        yield from _line_items(chain(BytesIO(text), file))
    else:
        yield from _document_items(document, len(text))


def _opening(file: IO[bytes]) -> list[bytes]:
    """The lines up to the first that is not empty."""
    lines = [file.readline().removeprefix(_BYTE_ORDER_MARK)]
    while lines[-1] and not lines[-1].strip():
        lines.append(file.readline())
    return lines


def _breaks_off(line: bytes) -> bool:
    """Whether a line ends within a JSON value, as the first of an indented document does."""
    try:
        json.loads(line.decode())
    except json.JSONDecodeError as error:
        return error.pos >= len(error.doc.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def _fault(error: Exception) -> str:
    """Why something is no JSON, without a word of it."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, " if error.lineno > 1 else ""
        return f"is not JSON: {error.msg} ({where}column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return "holds a number of too many digits"


def _line_items(lines: Iterable[bytes]) -> Iterator[Item]:
    """One event a line; a line that is a batch stands for its events."""
    end = 0
    for number, line in enumerate(lines, start=1):
        begin, end = end, end + len(line)
        where = f"line {number}"
        if not line.strip():
            continue
        try:
            document = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            yield Item(where, error=InvalidEvent("event", _fault(error)), end=end)
        else:
            if _is_batch(document):
                yield from _listed_items(expand_batch(document), begin, end, f"{where}, event")
            else:
                yield Item(where, document, end=end)


def _document_items(document: Any, size: int) -> Iterator[Item]:
    """The events of a whole file: an array, a batch, or a single event."""
    if _is_batch(document):
        document = expand_batch(document)
    events = document if isinstance(document, list) else [document]
    yield from _listed_items(events, 0, size, "event")


def _listed_items(events: list[Any], begin: int, end: int, where: str) -> Iterator[Item]:
    for number, event in enumerate(events, start=1):
        yield Item(f"{where} {number}", event, end=begin + (end - begin) * number // len(events))


def _is_batch(document: Any) -> bool:
    """Whether it is what Segment's libraries post: several events in one object."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("batch"), list)
        and "type" not in document
    )


def expand_batch(batch: Mapping[str, Any]) -> list[Any]:
    """Take Segment's batch apart: its items, each with what the batch says for all of them.

    The batch's `context` and `integrations` are merged into each item at every level, so that
    an item which adds `context.device.type` keeps the batch's `context.device.id`; where both
    say something, the item wins. An item without `sentAt` gets the batch's. A field of the
    item that is null counts as lacking. Items that are not objects stay as they are, so that
    they can be reported by their index.

    Raises:
        InvalidEvent: `batch` is not a list.
    """
    items = batch.get("batch")
    if not isinstance(items, list | tuple):
        raise InvalidEvent("batch", f"must be a list of events, not {kind_of(items)}")
    return [_completed(item, batch) if isinstance(item, Mapping) else item for item in items]


def _completed(item: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
    completed = dict(item)
    for field in ("context", "integrations"):
        if isinstance(shared := batch.get(field), Mapping):
            own = completed.get(field)
            completed[field] = shared if own is None else _merged(shared, own)
    if completed.get("sentAt") is None and batch.get("sentAt") is not None:
        completed["sentAt"] = batch["sentAt"]
    return completed


def _merged(shared: Any, own: Any, level: int = 1) -> Any:
    """What two objects say together; of other values the own one wins."""
    mergeable = isinstance(shared, Mapping) and isinstance(own, Mapping)
    if not mergeable or level > MAX_NESTING:
        return own
    common = {key: _merged(shared[key], own[key], level + 1) for key in shared if key in own}
    return {**shared, **own, **common}
