"""The scripts that are the journal's steps, and how they are carried out.

A script begins with what it is made of: `-- parts: common gate` names the files of which it uses
something, `-- flags: allow-oom` what Redis is told about it. Redis makes all functions and tables
of a script anew in each call, so a script gets only what it uses of its parts, each definition
right before the statement that needs it first: what comes after an early return costs nothing. The
bytes that each call begins with are made once, so that a step costs its producer or worker little
more than the round trip.

The names of its keys are in its text, for an argument for each takes a quarter of a microsecond in
each call. One is given, by which a cluster finds the node: the others are on the same if the prefix
has a hash tag, as the default has.

A script that lacks a right of an ACL would fall in its midst, and what it did before would stay. So
each asks first whether it may run all of its commands, at half a microsecond each; or, where that
is too much, those that it names: `-- rights: ZADD HINCRBY`. What writes first need not be among
them: without its right nothing was done yet.
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

#: The scripts of this package: the accept step, and the parts that every script begins with.
LUA = Path(__file__).parent / "lua"

_HEADER = re.compile(r"-- (parts|flags|rights): (.*)\n")

#: A line that belongs to the chunk of the line before it.
_GOES_ON = re.compile(r"\s|(?:end|else|elseif|until)\b|[})\]]")

#: What a chunk defines.
_DEFINED = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")

_KEY = re.compile(r"KEY\('([\w:]+)'\)")

#: A command that a script runs.
_COMMAND = re.compile(r"redis\.call\('([A-Z]+)'")

#: Refuses a script whose user may not run all of its commands.
_RIGHTS = """local may = redis.acl_check_cmd
local refused = %s
if refused then
  return redis.error_reply('NOPERM this user has no permissions to run ' .. refused)
end
"""

#: What a text in Lua holds escaped, lest it end the text or the line.
_UNUSUAL = re.compile(r"[^ \w:{}.-]", re.ASCII)

_WORD = re.compile(r"[A-Za-z_]\w*")

#: Carries a script out in its own way: by its text, its digest, and its keys and arguments.
Evaluate = Callable[[str, str, tuple[Any, ...]], Any]


#: A number, a text, a list of numbers, or a table of texts by name.
Constant = float | str | Sequence[float] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Script:
    """A script whose text is complete."""

    source: str
    #: Its SHA-1, by which Redis knows it.
    digest: str
    #: How a call by its digest begins on the wire, up to its key; and one by its text.
    by_digest: bytes
    by_source: bytes


class Scripts:
    """Carries out scripts, each in one round trip.

    Args:
        connections: To a Redis.
        key_prefix: With which every key begins.
        constants: What scripts find under these names in capitals: numbers, lists and tables.
        folders: Where their files are.
        shebang: Whether scripts begin with their flags, which Redis and Valkey understand.
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
        _texts(self._folders)  # later the process may have no file descriptor left to read with
        self._scripts: dict[str, _Script] = {}

    def run(self, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script.

        Args:
            name: Its file, without `.lua`.
            args: What it finds in its table `args`.
            rest: What follows in `ARGV`.

        Raises:
            RedisError: It was not carried out, or nobody knows.
        """
        script = self._script(name)
        arguments = pack((_json(args), *rest))
        count = 5 + len(rest)
        try:
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_digest, arguments))
        except NoScriptError:  # Redis is new or its script cache was wiped
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_source, arguments))

    def run_by(self, evaluate: Evaluate, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script in another way; see `run`."""
        script = self._script(name)
        parts = (1, self._node_key, _json(args), *rest)
        return evaluate(script.source, script.digest, parts)

    def _script(self, name: str) -> _Script:
        """The script of a name; put together when it is first asked for."""
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
        refused = " or ".join(f"not may('{right}', KEYS[1]) and '{right}'" for right in rights)
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


@cache
def _read(name: str, folders: tuple[Path, ...]) -> tuple[list[list[str]], dict[str, str]]:
    """The chunks of a script's parts and of itself, in this order; and its header."""
    texts = _texts(folders)
    header = dict(_HEADER.findall(texts[name]))
    parts = [texts[part] for part in header["parts"].split()]
    return [_chunks(part) for part in (*parts, texts[name])], header


@cache
def _texts(folders: tuple[Path, ...]) -> dict[str, str]:
    """What the files say, by their names without `.lua`."""
    return {
        path.stem: path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.glob("*.lua")
    }


def _chunks(text: str) -> list[str]:
    """Take a file apart into its outermost definitions and statements, without comments."""
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
    """The chunks of the last file, each behind those definitions of the others that it needs first.

    Raises:
        ValueError: One of the others has a statement that is no definition.
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
    """What a chunk defines."""
    if found := _DEFINED.match(chunk):
        return set(_WORD.findall(found[1]))
    raise ValueError(f"a part of scripts may only define: {chunk}")


def _lua(value: Constant) -> str:
    """A value as Lua writes it; names are identifiers."""
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
    except UnicodeEncodeError:  # half a surrogate pair, from a command line that is no UTF-8
        return json.dumps(args).encode()
