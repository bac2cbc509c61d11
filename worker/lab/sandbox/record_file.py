"""Accepted calls in a file of JSON lines, so that counts survive a kill of the sandbox.

One line for each time that a call is accepted, written before it is answered. The line
of a duplicate says so; like every line it holds what came with that very request.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class RecordFileError(ValueError):
    """The record file holds something that the sandbox did not write."""


@dataclass(frozen=True, slots=True)
class AcceptedCall:
    """A call that was accepted."""

    #: Its idempotency key.
    key: str
    endpoint: str
    path: str
    #: JSON.
    body: bytes
    #: Unix seconds.
    received_at: float

    def described(self) -> dict[str, Any]:
        """The call for people and machines, its body parsed."""
        return {
            "key": self.key,
            "endpoint": self.endpoint,
            "path": self.path,
            "received_at": self.received_at,
            "body": json.loads(self.body),
        }


class RecordFile:
    """The file, open for appending."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it, and drop a last line that a kill left half-written.

        Raises:
            OSError: It cannot be opened for reading and writing.
        """
        self._path = path
        # Unbuffered: each line is with the operating system before its call is answered.
        self._file = path.open("ab", buffering=0)
        written = path.read_bytes()
        self._file.truncate(written.rfind(b"\n") + 1)

    def read(self) -> Iterator[AcceptedCall]:
        """Everything accepted so far, oldest first, duplicates included.

        Raises:
            RecordFileError: Names the line that is not one of a record file.
        """
        return read_calls(self._path)

    def append(self, call: AcceptedCall, *, duplicate: bool) -> None:
        """Write a call down.

        Raises:
            OSError: It cannot be written.
        """
        line = call.described() | {"duplicate": duplicate}
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def truncate(self) -> None:
        """Empty the file."""
        self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_calls(path: Path) -> Iterator[AcceptedCall]:
    """What a record file holds, line by line.

    Raises:
        RecordFileError: Names the line that is not one of a record file.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _call_of(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise RecordFileError(f"{path}, line {number}: {error!r}") from None


def _call_of(line: Any) -> AcceptedCall:
    return AcceptedCall(
        key=line["key"],
        endpoint=line["endpoint"],
        path=line["path"],
        received_at=line["received_at"],
        body=json.dumps(line["body"]).encode(),
    )
