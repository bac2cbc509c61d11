"""What the sandbox received, and what of it it accepted, by idempotency key.

Requests and accepted calls are kept up to a bound, the oldest go first. The counts
are never cut: every key that was accepted is remembered, at about 200 bytes each.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from worker.lab.sandbox.record_file import AcceptedCall, open_record, read_calls


@dataclass(slots=True, kw_only=True)
class ReceivedRequest:
    """One request, from its arrival on."""

    #: Counted from 1, in the order of arrival; the recorder gives it.
    number: int = 0
    #: Unix seconds.
    received_at: float
    #: Empty if it had none.
    key: str
    method: str
    path: str
    #: None if the path names no endpoint.
    endpoint: str | None
    body: bytes
    #: The status it was answered with; None before that, and if the answer never came.
    status: int | None = None
    #: The kind of fault that answered it, if one did.
    fault: str | None = None
    accepted: bool = False
    #: Whether its key had been accepted before.
    duplicate: bool = False
    #: What the contract had against it, if anything.
    message: str | None = None

    def described(self, *, with_body: bool) -> dict[str, Any]:
        """The request for the control API; its body as text, for it need not be JSON."""
        fields = asdict(self)
        body = fields.pop("body")
        return fields | ({"body": body.decode(errors="replace")} if with_body else {})


class Recorder:
    """Everything received since the start or since the last `forget`."""

    def __init__(self, keep: int, record: Path | None) -> None:
        """Go on from what a record file holds.

        Args:
            keep: How many requests, and how many accepted calls, are kept.
            record: The file; None for none.

        Raises:
            OSError: It cannot be opened.
            RecordFileError: It is none.
        """
        self._keep = keep
        self._file = open_record(record) if record else None
        self._last_number = 0
        self._clear()
        for call in read_calls(record) if record else ():
            self._count(call)

    def _clear(self) -> None:
        #: Requests up to this number are forgotten, even if they are still to be answered.
        self._forgotten_number = self._last_number
        self._requests: deque[ReceivedRequest] = deque(maxlen=self._keep)
        self._calls: dict[str, AcceptedCall] = {}
        self._times: dict[str, int] = {}
        self._duplicates = 0
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()

    def receive(self, request: ReceivedRequest) -> None:
        """Note a request that has arrived, and number it."""
        self._last_number += 1
        request.number = self._last_number
        self._requests.append(request)

    def accept(self, request: ReceivedRequest) -> None:
        """Note that a valid request is accepted; once a key is known it is a duplicate.

        Raises:
            OSError: The record file cannot be written; nothing is noted then.
        """
        duplicate = request.key in self._times
        call = AcceptedCall(
            key=request.key,
            endpoint=request.endpoint or "",
            path=request.path,
            received_at=request.received_at,
            body=json.loads(request.body),
        )
        if self._file:
            line = msgspec.structs.asdict(call) | {"duplicate": duplicate}
            # msgspec writes and reads no lone surrogates, which a body may hold as escapes.
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        request.accepted, request.duplicate = True, duplicate
        self._count(call)

    def _count(self, call: AcceptedCall) -> None:
        times = self._times[call.key] = self._times.get(call.key, 0) + 1
        if times > 1:
            self._duplicates += 1
            return
        self._calls[call.key] = call
        if len(self._calls) > self._keep:
            del self._calls[next(iter(self._calls))]

    def fail(self, request: ReceivedRequest, fault: str) -> None:
        """Note which fault a request is for."""
        request.fault = fault
        if request.number > self._forgotten_number:
            self._by_fault[fault] += 1

    def answer(self, request: ReceivedRequest, status: int) -> None:
        """Note the status that a request is answered with."""
        request.status = status
        if request.number > self._forgotten_number:
            self._by_status[status] += 1

    def calls(self, key: str | None = None) -> Iterator[dict[str, Any]]:
        """The accepted calls that are kept, oldest first, or the one with this key."""
        chosen = [self._calls[key]] if key in self._calls else []
        for call in self._calls.values() if key is None else chosen:
            yield msgspec.structs.asdict(call) | {"times": self._times[call.key]}

    def requests(self, *, key: str | None, limit: int, with_body: bool) -> list[dict[str, Any]]:
        """The newest requests that are kept, oldest first."""
        found = (request for request in reversed(self._requests) if key in {None, request.key})
        newest = [request.described(with_body=with_body) for request in islice(found, limit)]
        return newest[::-1]

    def summary(self) -> dict[str, Any]:
        """The totals, which stay right however little is kept."""
        requests = self._last_number - self._forgotten_number
        return {
            "requests": requests,
            "accepted": len(self._times),
            "duplicates": self._duplicates,
            "unanswered": requests - self._by_status.total(),
            "by_status": dict(sorted(self._by_status.items())),
            "by_fault": dict(sorted(self._by_fault.items())),
        }

    def forget(self) -> None:
        """Start afresh: all counts from zero, the record file empty."""
        self._clear()
        if self._file:
            self._file.truncate(0)

    def close(self) -> None:
        """Write no more."""
        if self._file:
            self._file.close()
