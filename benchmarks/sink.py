"""Something much faster than what is measured: answers POSTs and counts distinct events.

`python -m benchmarks.sink PORT LATENCY_MS`. `GET /` answers how many distinct events
arrived and how many requests there were; `DELETE /` forgets them.
"""

import asyncio
import re
import sys
from typing import ClassVar

OK = b'{"status":"ok"}'
KEY = re.compile(rb"(?i)idempotency-key: ([^\r]+)")
LENGTH = re.compile(rb"(?i)content-length: (\d+)")


def response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


ACCEPTED = response(OK)


class Sink(asyncio.Protocol):
    """One connection; all share the counts."""

    seen: ClassVar[set[bytes]] = set()
    requests = 0
    latency_seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < total:
                return
            self.buffer = self.buffer[total:]
            self.answer(head)

    def answer(self, head: bytes) -> None:
        if head.startswith(b"POST"):
            Sink.requests += 1
            key = KEY.search(head)
            Sink.seen.add(key[1] if key else str(Sink.requests).encode())
            if Sink.latency_seconds:
                loop = asyncio.get_running_loop()
                loop.call_later(Sink.latency_seconds, self.transport.write, ACCEPTED)
            else:
                self.transport.write(ACCEPTED)
            return
        if head.startswith(b"DELETE"):
            Sink.seen.clear()
            Sink.requests = 0
        counts = f'{{"distinct": {len(Sink.seen)}, "requests": {Sink.requests}}}'
        self.transport.write(response(counts.encode()))


async def serve(port: int, latency_ms: float) -> None:
    Sink.latency_seconds = latency_ms / 1000
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
