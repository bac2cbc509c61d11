"""Records what the sandbox received, and which calls it accepted, by idempotency key.

Requests and accepted calls are kept up to a bound; the oldest are dropped first. The counts stay
complete: every accepted key is remembered, at about 200 bytes each.
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

    #: Counted from 1, in the order of arrival; the recorder sets it.
    number: int = 0
    #: In unix seconds.
    received_at: float
    #: The idempotency key; empty if there was none.
    key: str
    method: str
    path: str
    #: None if the path names no endpoint.
    endpoint: str | None
    body: bytes
    #: The status of its answer; None before it is answered, and if it never is.
    status: int | None = None
    #: The kind of the fault rule that answered it, if one did.
    fault: str | None = None
    accepted: bool = False
    #: Whether its key had been accepted before.
    duplicate: bool = False
    #: How it violated the contract, if it did.
    message: str | None = None

    def described(self, *, with_body: bool) -> dict[str, Any]:
        """The request for the control API; its body as text, because it need not be JSON."""
        fields = asdict(self)
        body = fields.pop("body")
        return fields | ({"body": body.decode(errors="replace")} if with_body else {})


class Recorder:
    """What was received since the start or the last `forget`."""

    def __init__(self, keep: int, record: Path | None) -> None:
        """Begin with the calls of a record file.

        Args:
            keep: The most requests, and the most accepted calls, that are kept.
            record: The file; None for none.

        Raises:
            OSError: The file cannot be opened.
            RecordFileError: It is not a record file.
        """
        self._keep = keep
        self._file = open_record(record) if record else None
        self._last_number = 0
        self._clear()
        for call in read_calls(record) if record else ():
            self._count(call)

    def _clear(self) -> None:
        #: Requests up to this number are forgotten, even those that are not answered yet.
        self._forgotten_number = self._last_number
        self._requests: deque[ReceivedRequest] = deque(maxlen=self._keep)
        self._calls: dict[str, AcceptedCall] = {}
        self._times: dict[str, int] = {}
        self._duplicates = 0
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()

    def receive(self, request: ReceivedRequest) -> None:
        """Record a request that has arrived, and number it."""
        self._last_number += 1
        request.number = self._last_number
        self._requests.append(request)

    def accept(self, request: ReceivedRequest) -> None:
        """Record that a valid request is accepted, as a duplicate if its key was accepted before.

        Raises:
            OSError: The record file cannot be written; then nothing is recorded.
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
            # json, because msgspec takes no lone surrogates, which a body may hold as escapes.
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
        """Record which kind of fault answers a request."""
        request.fault = fault
        if request.number > self._forgotten_number:
            self._by_fault[fault] += 1

    def answer(self, request: ReceivedRequest, status: int) -> None:
        """Record the status with which a request is answered."""
        request.status = status
        if request.number > self._forgotten_number:
            self._by_status[status] += 1

    def calls(self, key: str | None = None) -> Iterator[dict[str, Any]]:
        """The accepted calls that are kept, oldest first; with a key, only its call."""
        chosen = [self._calls[key]] if key in self._calls else []
        for call in self._calls.values() if key is None else chosen:
            yield msgspec.structs.asdict(call) | {"times": self._times[call.key]}

    def requests(self, *, key: str | None, limit: int, with_body: bool) -> list[dict[str, Any]]:
        """The newest requests that are kept, oldest first."""
        found = (request for request in reversed(self._requests) if key in {None, request.key})
        newest = [request.described(with_body=with_body) for request in islice(found, limit)]
        return newest[::-1]

    def summary(self) -> dict[str, Any]:
        """The totals; they do not depend on how much is kept."""
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
        """Set all counts to zero and empty the record file."""
        self._clear()
        if self._file:
            self._file.truncate(0)

    def close(self) -> None:
        """Close the record file."""
        if self._file:
            self._file.close()
