"""Accepted calls in a file of JSON lines, so that counts survive if the sandbox is killed.

Each time a call is accepted a line is written, before the answer is sent. The line of a duplicate
is marked; like every line, it holds what that very request held.
"""

import json
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec


class RecordFileError(ValueError):
    """The record file contains something that the sandbox did not write."""


class AcceptedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was accepted."""

    #: Its idempotency key.
    key: str
    endpoint: str
    path: str
    #: In unix seconds.
    received_at: float
    #: The body as parsed JSON.
    body: Any


def open_record(path: Path) -> FileIO:
    """Open a record file, creating it, and drop a last line that a kill left half-written.

    Raises:
        OSError: It cannot be opened for reading and writing.
    """
    # Unbuffered, so that the operating system has each line before its call is answered.
    file = path.open("ab", buffering=0)
    file.truncate(path.read_bytes().rfind(b"\n") + 1)
    return file


def read_calls(path: Path) -> Iterator[AcceptedCall]:
    """Every call of a record file, oldest first, duplicates included.

    Raises:
        RecordFileError: A line is not one of a record file; the message names it.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield msgspec.convert(json.loads(line), AcceptedCall)
            except (ValueError, msgspec.ValidationError) as error:
                raise RecordFileError(f"{path}, line {number}: {error}") from None
