"""How the journal's scripts reach Redis.

A script is put together from parts in `worker/journal/lua`. What the settings say is written
into it, and the bytes that each of its calls begins with are made once: a step costs its
producer or worker little more than the round trip.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from os import getpid
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.sentinel import SentinelConnectionPool

LUA = Path(__file__).parent / "journal" / "lua"

#: The parts of which each script is made, in their order; the script itself comes last.
GATED = ("common", "gate")
MOVING = (*GATED, "events")
PARTS = {
    "accept": GATED,
    "release": GATED,
    "pause": GATED,
    "snapshot": GATED,
    "resume": (*GATED, "breaker"),
    "redrive": MOVING,
    "discard": MOVING,
    "erase": MOVING,
    "tick": MOVING,
    "look": MOVING,
    "inspect": MOVING,
    "claim": (*MOVING, "breaker", "finishing"),
    "finish": (*MOVING, "breaker", "finishing"),
}

#: Scripts that may run when Redis is full: all but intake free memory sooner or later.
ALLOW_OOM = frozenset(
    {"claim", "finish", "redrive", "discard", "erase", "tick", "release", "pause", "resume"}
)
NO_WRITES = frozenset({"snapshot", "look", "inspect"})

#: After so long it is worth a system call to see whether the other side has closed a connection.
RESTED_SECONDS = 0.5

#: Carries a script out in its own way: by its text, its digest, and its keys and arguments.
Evaluate = Callable[[str, str, tuple[Any, ...]], Any]


@dataclass(frozen=True, slots=True)
class Script:
    """A script whose text is complete."""

    source: str
    #: Its SHA-1, by which Redis knows it.
    digest: str
    #: How a call by its digest begins on the wire, up to its keys; and one by its text.
    by_digest: bytes
    by_source: bytes


class Scripts:
    """Carries out scripts, each in one round trip.

    Args:
        redis: A client that does not decode answers.
        keys: What every script is given as `KEYS`.
        settings: Names and numbers that every script finds in its table `settings`.
        shebang: Whether scripts begin with their flags, which Redis and Valkey understand.
    """

    def __init__(
        self, redis: Redis, keys: Sequence[str], settings: Mapping[str, float], *, shebang: bool
    ) -> None:
        self._redis = redis
        self._keys = keys
        table = ", ".join(f"{name} = {value!r}" for name, value in settings.items())
        self._is_pooled = isinstance(redis.connection_pool, SentinelConnectionPool)
        #: Each with the time at which it was used last.
        self._idle: list[tuple[Any, float]] = []
        self._scripts = {name: self._script(name, table, shebang=shebang) for name in PARTS}

    def run(self, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script.

        Args:
            name: Its name in `worker/journal/lua`.
            args: What it finds in its table `args`.
            rest: What follows in `ARGV`.

        Raises:
            RedisError: It was not carried out, or nobody knows.
        """
        script = self._scripts[name]
        count = 4 + len(self._keys) + len(rest)
        arguments = pack((_json(args), *rest))
        try:
            return self._talk(b"*%d\r\n%b%b" % (count, script.by_digest, arguments))
        except NoScriptError:  # Redis is new or its script cache was wiped
            return self._talk(b"*%d\r\n%b%b" % (count, script.by_source, arguments))

    def run_by(self, evaluate: Evaluate, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script in another way; see `run`."""
        script = self._scripts[name]
        parts = (len(self._keys), *self._keys, _json(args), *rest)
        return evaluate(script.source, script.digest, parts)

    def _talk(self, command: bytes) -> Any:
        """One round trip, as redis-py makes it, but for the packing and the bookkeeping."""
        connection = self._borrow()
        in_step = False

        def send() -> Any:
            connection.send_packed_command([command])
            # A Sentinel's connection would keep the answer for the next call.
            return connection.read_response(disconnect_on_error=True)

        try:
            answer = connection.retry.call_with_retry(send, lambda _: connection.disconnect())
            in_step = True
        except ResponseError:
            in_step = True
            raise
        finally:
            if not in_step:  # interrupted between question and answer, perhaps
                connection.disconnect()
            self._give_back(connection)
        return answer

    def _borrow(self) -> Any:
        """A connection that nobody else uses.

        They are made as the client's pool makes its own, but kept here: to take one from the
        pool and give it back each time costs as much as all else that a round trip takes here.
        Only a Sentinel's pool keeps its own, because it drops them when the master changes.
        """
        if self._is_pooled:
            return self._redis.connection_pool.get_connection()
        connection, used_at = self._idle.pop() if self._idle else (self._new_connection(), 0.0)
        if connection.pid != getpid():
            self._idle = []  # these are the parent's
            connection = self._new_connection()
        rested = monotonic() - used_at > RESTED_SECONDS
        if rested and connection.is_connected and _is_spoilt(connection):
            connection.disconnect()
        connection.connect()  # if it is not
        return connection

    def _give_back(self, connection: Any) -> None:
        if self._is_pooled:
            self._redis.connection_pool.release(connection)
        else:
            self._idle.append((connection, monotonic()))

    def _new_connection(self) -> Any:
        pool = self._redis.connection_pool
        return pool.connection_class(**pool.connection_kwargs)

    def disconnect(self) -> None:
        """Close the connections that nobody uses now."""
        while self._idle:
            self._idle.pop()[0].disconnect()

    def _script(self, name: str, table: str, *, shebang: bool) -> Script:
        source = f"local settings = {{{table}}}\n{_text(name)}"
        if shebang:
            flags = ["allow-oom"] * (name in ALLOW_OOM) + ["no-writes"] * (name in NO_WRITES)
            source = f"#!lua flags={','.join(flags)}\n{source}"
        digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
        keys = [str(len(self._keys)).encode(), *(key.encode() for key in self._keys)]
        return Script(
            source=source,
            digest=digest,
            by_digest=pack([b"EVALSHA", digest.encode(), *keys]),
            by_source=pack([b"EVAL", source.encode(), *keys]),
        )


def _is_spoilt(connection: Any) -> bool:
    """Whether it was closed by the other side, or has something to say that nobody asked for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True


def _json(args: Mapping[str, Any]) -> bytes:
    if not args:
        return b""
    try:
        return msgspec.json.encode(args)
    except UnicodeEncodeError:  # half a surrogate pair, from a command line that is no UTF-8
        return json.dumps(args).encode()


@cache
def _text(name: str) -> str:
    return "\n".join((LUA / f"{part}.lua").read_text() for part in (*PARTS[name], name))


def pack(parts: Iterable[bytes]) -> bytes:
    """Write parts of a command as Redis's protocol wants them."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
