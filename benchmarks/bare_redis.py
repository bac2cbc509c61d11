"""What Redis itself allows: the round trips of a bare client, and the CPU of each step."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from itertools import count
from typing import Any

from hiredis import Reader, pack_command
from redis import Redis

from benchmarks.event import event, message_id
from benchmarks.usage import tree_cpu_seconds, valkey_pid
from convertro.intake_journal import fresh_tokens
from convertro.segment_event import encode
from worker.journal.producer import Producer
from worker.journal.records import Attempt, Claim, Finish, Move, TaskState
from worker.lab.demo.stack import Stack
from worker.outcomes import OutcomeClass

#: The number of events in a claim, as a worker process with as many threads makes it.
BATCH = 32

#: The end of a line of CSV: requests per second, then six latencies.
TOOL_FIGURES = re.compile(r'"([0-9.]+)"(?:,"[0-9.]+"){6}$', re.MULTILINE)


def accept_script(producer: Producer) -> Any:
    """The script by which the product accepts events."""
    return producer.journal._scripts._script("accept")  # noqa: SLF001  the real one


def accept_command(producer: Producer, event_id: str, raw: bytes) -> list[Any]:
    """The exact command by which the product accepts one event."""
    script, (token,) = accept_script(producer), fresh_tokens(1)
    key = producer.journal._key("shared")  # noqa: SLF001  the one that scripts are given
    return ["EVALSHA", script.digest, 1, key, "", token, event_id, raw]


def packed(*parts: Any) -> bytes:
    """A command in the bytes of the protocol."""
    command: bytes = pack_command(parts)
    return command


class BareConnection:
    """One connection that sends one command at a time, without a client library."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader()

    def rate(self, commands: Iterable[bytes]) -> float:
        """The commands per second; each is sent after the answer to the one before."""
        prepared = list(commands)
        send, receive = self._socket.sendall, self._socket.recv
        feed, get = self._reader.feed, self._reader.gets
        begun = time.perf_counter()
        for command in prepared:
            send(command)
            feed(receive(65536))
            while (answer := get()) is False:
                feed(receive(65536))
            if isinstance(answer, Exception):
                raise answer
        return len(prepared) / (time.perf_counter() - begun)

    def close(self) -> None:
        self._socket.close()


def python_rates(stack: Stack, producer: Producer, calls: int) -> dict[str, float]:
    """The round trips per second of one Python thread, by command."""
    port = stack.valkey.port
    redis = Redis(port=port)
    nothing = redis.script_load("return 1")
    script = accept_script(producer)
    assert redis.script_load(script.source) == script.digest
    template = accept_command(producer, "an id", b"raw")
    raw = [encode(event(number)) for number in range(calls)]
    connection = BareConnection(port)
    try:
        return {
            "PING": connection.rate(packed("PING") for _ in raw),
            "SET of the event": connection.rate(packed("SET", "x", text) for text in raw),
            "EVALSHA of nothing": connection.rate(packed("EVALSHA", nothing, 0) for _ in raw),
            "accept": connection.rate(
                packed(*template[:-2], message_id(number), text) for number, text in enumerate(raw)
            ),
        }
    finally:
        connection.close()


def tool_rates(stack: Stack, producer: Producer, calls: int) -> dict[str, float] | None:
    """The round trips per second of a client in C, by command; None if none is installed."""
    tool = shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")
    if not tool:
        return None
    redis = Redis(port=stack.valkey.port)
    nothing = redis.script_load("return 1")
    redis.script_load(accept_script(producer).source)
    raw = encode({**event(0), "messageId": "tool-__rand_int__"}).decode()
    accept = [str(part) for part in accept_command(producer, "tool-__rand_int__", raw.encode())]
    accept[-1] = raw
    commands = {
        "PING": ["PING"],
        "SET of the event": ["SET", "x", raw],
        "EVALSHA of nothing": ["EVALSHA", nothing, "0"],
        "accept": accept,
    }
    command = [tool, "-p", str(stack.valkey.port), "-c", "1", "-n", str(calls)]
    command += ["-r", "999999999999", "--csv"]
    found = {}
    for name, parts in commands.items():
        done = subprocess.run([*command, *parts], capture_output=True, text=True, check=True)
        # The figures come last: the command comes first, with unescaped quotes in it.
        found[name] = float(TOOL_FIGURES.findall(done.stdout)[-1])
    return found


class ServerCost:
    """Measures the server's CPU and its time in scripts, in microseconds for each unit of work."""

    def __init__(self, stack: Stack) -> None:
        self._redis = Redis(port=stack.valkey.port)
        self._pid = valkey_pid(stack)

    def begin(self) -> None:
        self._redis.config_resetstat()
        self._cpu_seconds = tree_cpu_seconds(self._pid)

    def end(self, units: int) -> dict[str, float]:
        cpu = tree_cpu_seconds(self._pid) - self._cpu_seconds
        stats: Any = self._redis.info("commandstats")
        script = stats["cmdstat_evalsha"]["usec"]
        return {"cpu_us": cpu * 1e6 / units, "script_us": script / units}


def server_costs(stack: Stack, producer: Producer, events: int) -> dict[str, dict[str, float]]:
    """The server's costs of each step for one event; claims and finishes are made in batches."""
    cost = ServerCost(stack)
    journal = producer.journal
    rows = [(f"cost-{number}", encode(event(number))) for number in range(events)]
    found = {}
    cost.begin()
    for row in rows:
        journal.accept([row], offered=1)
    found["accept, one a call"] = cost.end(events)
    more = [(f"more-{number}", raw) for number, (_, raw) in enumerate(rows)]
    cost.begin()
    for first in range(0, events, 500):
        journal.accept(more[first : first + 500], offered=1)
    found["accept, 500 a call"] = cost.end(events)
    tokens = fresh_tokens(1)
    journal.tick("measuring", 1, tokens)
    leases = (f"lease-{number}" for number in count())

    def claim(finishes: list[Finish], number: int) -> Claim:
        return journal.claim(
            tokens[0], next(leases), number, task=TaskState.BUSY, finishes=finishes
        )

    cost.begin()
    claims = [claim([], BATCH) for _ in range(events // BATCH)]
    claimed = sum(len(each.events) for each in claims)
    found[f"claim, {BATCH} a call"] = cost.end(claimed)
    cost.begin()
    for each in claims:
        journal.finish(finishes_of(each))
    found[f"finish, {BATCH} a call"] = cost.end(claimed)
    cost.begin()
    finishes: list[Finish] = []
    for _ in range(events // BATCH):
        finishes = finishes_of(claim(finishes, BATCH))
    found[f"finish and claim, {BATCH} a call"] = cost.end(events // BATCH * BATCH)
    return found


def finishes_of(claim: Claim) -> list[Finish]:
    """Finishes that report each event as delivered by one request, as a worker's do."""
    now_ms = int(time.time() * 1000)
    attempt = Attempt(
        at_ms=now_ms,
        call="sale",
        outcome_class=OutcomeClass.ACCEPTED.value,
        detail="accepted",
        status=200,
        took_ms=1,
    )
    return [
        Finish(
            event_id=claimed.event_id,
            lease=claimed.lease,
            move=Move.DELIVERED,
            accepted_at_ms=claimed.record.accepted_at_ms,
            attempts=(attempt,),
            accepted=["sale"],
        )
        for claimed in claim.events
    ]
