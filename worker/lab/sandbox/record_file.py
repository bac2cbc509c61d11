"""Accepted calls in a file of JSON lines, so that counts survive a kill of the sandbox.

One line for each time that a call is accepted, written before it is answered. The line
of a duplicate says so; like every line it holds what came with that very request.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec


class RecordFileError(ValueError):
    """The record file holds something that the sandbox did not write."""


class AcceptedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was accepted."""

    #: Its idempotency key.
    key: str
    endpoint: str
    path: str
    #: Unix seconds.
    received_at: float
    #: JSON, on one line.
    body: msgspec.Raw


class RecordFile:
    """The file, open for appending."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it, and drop a last line that a kill left half-written.

        Raises:
            OSError: It cannot be opened for reading and writing.
        """
        self.path = path
        # Unbuffered: each line is with the operating system before its call is answered.
        self._file = path.open("ab", buffering=0)
        written = path.read_bytes()
        self._file.truncate(written.rfind(b"\n") + 1)

    def append(self, call: AcceptedCall, *, duplicate: bool) -> None:
        """Write a call down.

        Raises:
            OSError: It cannot be written.
        """
        line = msgspec.structs.asdict(call) | {"duplicate": duplicate}
        self._file.write(msgspec.json.encode(line) + b"\n")

    def truncate(self) -> None:
        """Empty the file."""
        self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_calls(path: Path) -> Iterator[AcceptedCall]:
    """Every call of a record file, oldest first, duplicates included.

    Raises:
        RecordFileError: Names the line that is not one of a record file.
    """
    read = msgspec.json.Decoder(AcceptedCall).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield read(line)
            except msgspec.DecodeError as error:
                raise RecordFileError(f"{path}, line {number}: {error}") from None
