"""A sink for machines without nginx: an asyncio protocol that writes the same log.

`python -m benchmarks.sink_server PORT LATENCY_MS LOG`.
"""

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import BinaryIO

KEY = re.compile(rb"(?i)idempotency-key: ([^\r]+)")
LENGTH = re.compile(rb"(?i)content-length: (\d+)")
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    b'{"status":"ok"}'
)


class Connection(asyncio.Protocol):
    """One connection, kept open; requests on it may arrive in pieces."""

    def __init__(self, latency_seconds: float, log: BinaryIO) -> None:
        self.latency_seconds = latency_seconds
        self.log = log
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < total:
                return
            self.buffer = self.buffer[total:]
            key = KEY.search(head)
            asyncio.get_running_loop().call_later(
                self.latency_seconds, self.answer, key[1] if key else b"-", time.time()
            )

    def answer(self, key: bytes, begun: float) -> None:
        now = time.time()
        self.log.write(b"%.3f %.3f %s\n" % (now, now - begun, key))
        self.transport.write(ANSWER)


async def serve(port: int, latency_ms: float, log: BinaryIO) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(latency_ms / 1000, log), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    with Path(sys.argv[3]).open("ab", buffering=0) as log:
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), log))
