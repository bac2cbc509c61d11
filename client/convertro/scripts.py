"""Builds the Lua scripts that are the journal's steps, and carries them out.

A file begins with a header: `-- parts: common gate` names the files whose definitions the script
uses, `-- flags: allow-oom` its flags for Redis. Redis creates all functions and tables of a script
again in each call. So a script gets only the definitions that it uses, each right before the
statement that needs it first: what comes after an early return costs nothing. The bytes with which
each call begins are made once, so that a step costs its caller little more than the round trip.

The names of the keys are in the script's text, because an argument for each takes a quarter of a
microsecond in each call. One key is an argument, by which a cluster finds the node; the others are
on the same node if the prefix has a hash tag, as the default has.

If an ACL forbids a command of a script, the script fails midway, and its earlier writes stay. So
each script first asks whether it may run all of its commands, at half a microsecond each. Where
that is too slow, the header names those to ask for: `-- rights: ZADD HINCRBY`. The first command
that writes need not be among them: if it is forbidden, nothing has been written yet.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

import msgspec
from redis.exceptions import NoScriptError

from convertro.connection_pool import Connections, pack

#: The scripts of this package: the accept step, and the parts that workers' scripts use too.
LUA = Path(__file__).parent / "lua"

_HEADER = re.compile(r"-- (parts|flags|rights): (.*)\n")

#: A line that continues the chunk of the line before it.
_GOES_ON = re.compile(r"\s|(?:end|else|elseif|until)\b|[})\]]")

#: The names that a chunk defines.
_DEFINED = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")

_KEY = re.compile(r"KEY\('([\w:]+)'\)")

#: A command that a script runs.
_COMMAND = re.compile(r"redis\.call\('([A-Z]+)'")

#: Ends a script at once if its Redis user may not run one of its commands.
_RIGHTS = """local may = redis.acl_check_cmd
local refused = %s
if refused then
  return redis.error_reply('NOPERM this user has no permissions to run ' .. refused)
end
"""

#: The least number of arguments after the key of each command that needs any. If some are missing,
#: Redis 8 raises an error instead of saying whether the user may run the command.
_ARGUMENTS = {
    command: number
    for number, commands in {
        1: "HDEL HEXISTS HGET HMGET HSTRLEN LPUSH PEXPIRE RPUSH SADD SET SISMEMBER SREM ZREM "
        "ZSCORE",
        2: "HINCRBY HSET ZADD ZCOUNT ZRANGE ZRANGEBYSCORE ZREMRANGEBYSCORE ZREVRANGEBYSCORE",
    }.items()
    for command in commands.split()
}

#: A character that is escaped in a text in Lua, because it could end the text or the line.
_UNUSUAL = re.compile(r"[^ \w:{}.-]", re.ASCII)

_WORD = re.compile(r"[A-Za-z_]\w*")

#: Carries out a script in another way, given its text, its digest, and its keys and arguments.
Evaluate = Callable[[str, str, tuple[Any, ...]], Any]


#: A number, a text, a list of numbers, or a table of texts by name.
Constant = float | str | Sequence[float] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Script:
    """A script with the definitions that it uses."""

    source: str
    #: Its SHA-1, by which Redis knows it.
    digest: str
    #: The first bytes, up to the key, of a call by the digest; and of a call by the text.
    by_digest: bytes
    by_source: bytes


class Scripts:
    """Carries out scripts, each in one round trip.

    Args:
        connections: Connections to a Redis.
        key_prefix: The beginning of every key.
        constants: The values of the names in capitals that scripts use.
        folders: The folders of the scripts' files.
        shebang: Whether scripts begin with flags and a check of rights; Redis and Valkey know both.
    """

    def __init__(
        self,
        connections: Connections,
        key_prefix: str,
        constants: Mapping[str, Constant],
        folders: Sequence[Path],
        *,
        shebang: bool,
    ) -> None:
        self._connections = connections
        self._key_prefix = key_prefix
        self._node_key = f"{key_prefix}shared"
        self._constants = [f"local {name} = {_lua(value)}" for name, value in constants.items()]
        self._folders = tuple(folders)
        self._shebang = shebang
        _texts(self._folders)  # read now: later the process may have run out of file descriptors
        self._scripts: dict[str, _Script] = {}

    def run(self, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script.

        Args:
            name: The name of its file, without `.lua`.
            args: Its table `args`.
            rest: Its further elements of `ARGV`.

        Raises:
            RedisError: Redis did not carry it out, or the connection broke before the answer.
        """
        script = self._script(name)
        arguments = pack((_json(args), *rest))
        count = 5 + len(rest)
        try:
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_digest, arguments))
        except NoScriptError:  # Redis is new or its script cache was wiped
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_source, arguments))

    def run_by(self, evaluate: Evaluate, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script by a given function; see `run`."""
        script = self._script(name)
        parts = (1, self._node_key, _json(args), *rest)
        return evaluate(script.source, script.digest, parts)

    def _script(self, name: str) -> _Script:
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._put_together(name)
        return script

    def _put_together(self, name: str) -> _Script:
        chunks, header = _read(name, self._folders)
        text = "\n".join(_linked(self._constants, *chunks))
        text = _KEY.sub(lambda key: _lua(f"{self._key_prefix}{key[1]}"), text)
        rights = header.get("rights", " ".join(sorted(set(_COMMAND.findall(text))))).split()
        flags = ",".join(header.get("flags", "").split())
        refused = " or ".join(f"not may({_call_of(right)}) and '{right}'" for right in rights)
        head = f"#!lua flags={flags}\n{_RIGHTS % refused}"
        source = head + text if self._shebang else text
        digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
        begin = [b"1", self._node_key.encode()]
        return _Script(
            source=source,
            digest=digest,
            by_digest=pack([b"EVALSHA", digest.encode(), *begin]),
            by_source=pack([b"EVAL", source.encode(), *begin]),
        )


def _call_of(command: str) -> str:
    """Write a command with as few arguments as it allows, in Lua."""
    if command == "TIME":
        return "'TIME'"
    return ", ".join((f"'{command}'", "KEYS[1]", *["''"] * _ARGUMENTS.get(command, 0)))


@cache
def _read(name: str, folders: tuple[Path, ...]) -> tuple[list[list[str]], dict[str, str]]:
    """Read the chunks of a script's parts, then of the script itself; and its header."""
    texts = _texts(folders)
    header = dict(_HEADER.findall(texts[name]))
    parts = [texts[part] for part in header["parts"].split()]
    return [_chunks(part) for part in (*parts, texts[name])], header


@cache
def _texts(folders: tuple[Path, ...]) -> dict[str, str]:
    """Read the texts of all scripts and parts, by their files' names without `.lua`."""
    return {
        path.stem: path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.glob("*.lua")
    }


def _chunks(text: str) -> list[str]:
    """Split a file into its outermost definitions and statements, without comment lines."""
    chunks: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("--"):
            continue
        if _GOES_ON.match(line):
            chunks[-1] += f"\n{line}"
        else:
            chunks.append(line)
    return chunks


def _linked(*files: Sequence[str]) -> Iterator[str]:
    """Put each definition of the other files before the first chunk of the last file that needs it.

    Raises:
        ValueError: One of the other files has a statement that is not a definition.
    """
    *parts, script = files
    waiting = {chunk: _names(chunk) for part in parts for chunk in part}
    for chunk in script:
        used = set(_WORD.findall(chunk))
        needed: list[str] = []
        for definition in reversed(waiting):
            if used & waiting[definition]:
                used.update(_WORD.findall(definition))
                needed.insert(0, definition)
        for definition in needed:
            del waiting[definition]
        yield from (*needed, chunk)


def _names(chunk: str) -> set[str]:
    if found := _DEFINED.match(chunk):
        return set(_WORD.findall(found[1]))
    raise ValueError(f"a part of scripts may only define: {chunk}")


def _lua(value: Constant) -> str:
    """Write a value as a Lua literal; the names of a table must be identifiers."""
    if isinstance(value, str):
        return f"'{_UNUSUAL.sub(_escaped, value)}'"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name} = {_lua(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, Sequence):
        return f"{{{', '.join(map(_lua, value))}}}"
    return repr(value)


def _escaped(character: re.Match[str]) -> str:
    return "".join(f"\\{byte:03}" for byte in character[0].encode())


def _json(args: Mapping[str, Any]) -> bytes:
    if not args:
        return b""
    try:
        return msgspec.json.encode(args)
    except UnicodeEncodeError:  # half a surrogate pair, from a command line that is not UTF-8
        return json.dumps(args).encode()
