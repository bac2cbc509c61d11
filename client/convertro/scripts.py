"""The scripts that are the journal's steps, and how they are carried out.

A script begins with what it is made of: `-- parts: common gate` names the files whose text is
put before it, `-- flags: allow-oom` what Redis is told about it. What the settings say is written
into its text, and the bytes that each of its calls begins with are made once: a step costs its
producer or worker little more than the round trip.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import NoScriptError

from convertro.connection_pool import Connections

#: The scripts of this package: the accept step, and the parts that every script begins with.
LUA = Path(__file__).parent / "lua"

_HEADER = re.compile(r"-- (parts|flags): (.*)\n")

#: Carries a script out in its own way: by its text, its digest, and its keys and arguments.
Evaluate = Callable[[str, str, tuple[Any, ...]], Any]


#: A number, a list of numbers, or a table of texts by name.
Setting = float | Sequence[float] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Script:
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
        settings: What every script finds in its table `settings`: numbers, lists and tables.
        folders: Where their files are.
        shebang: Whether scripts begin with their flags, which Redis and Valkey understand.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Sequence[str],
        settings: Mapping[str, Setting],
        folders: Sequence[Path],
        *,
        shebang: bool,
    ) -> None:
        self._connections = Connections(redis)
        self._keys = keys
        self._table = _lua(settings)
        self._folders = tuple(folders)
        self._shebang = shebang
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
        count = 4 + len(self._keys) + len(rest)
        arguments = _pack((_json(args), *rest))
        try:
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_digest, arguments))
        except NoScriptError:  # Redis is new or its script cache was wiped
            return self._connections.exchange(b"*%d\r\n%b%b" % (count, script.by_source, arguments))

    def run_by(self, evaluate: Evaluate, name: str, args: Mapping[str, Any], *rest: bytes) -> Any:
        """Carry out a script in another way; see `run`."""
        script = self._script(name)
        parts = (len(self._keys), *self._keys, _json(args), *rest)
        return evaluate(script.source, script.digest, parts)

    def disconnect(self) -> None:
        """Close the connections that nothing uses now."""
        self._connections.disconnect()

    def _script(self, name: str) -> _Script:
        """The script of a name; put together when it is first asked for."""
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._put_together(name)
        return script

    def _put_together(self, name: str) -> _Script:
        text, flags = _text(name, self._folders)
        source = f"local settings = {self._table}\n{text}"
        if self._shebang:
            source = f"#!lua flags={','.join(flags)}\n{source}"
        digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
        keys = [str(len(self._keys)).encode(), *(key.encode() for key in self._keys)]
        return _Script(
            source=source,
            digest=digest,
            by_digest=_pack([b"EVALSHA", digest.encode(), *keys]),
            by_source=_pack([b"EVAL", source.encode(), *keys]),
        )


@cache
def _text(name: str, folders: tuple[Path, ...]) -> tuple[str, list[str]]:
    """A script's text behind the texts of its parts, and its flags."""
    text = _read(name, folders)
    header = dict(_HEADER.findall(text))
    parts = [_read(part, folders) for part in header["parts"].split()]
    return "\n".join([*parts, text]), header.get("flags", "").split()


def _read(name: str, folders: tuple[Path, ...]) -> str:
    path = next(path for folder in folders if (path := folder / f"{name}.lua").exists())
    return path.read_text(encoding="utf-8")


def _lua(value: Setting | str | Mapping[str, Setting]) -> str:
    """A value as Lua writes it; names are identifiers, texts need no escapes."""
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name} = {_lua(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, Sequence):
        return f"{{{', '.join(map(_lua, value))}}}"
    return repr(value)


def _json(args: Mapping[str, Any]) -> bytes:
    if not args:
        return b""
    try:
        return msgspec.json.encode(args)
    except UnicodeEncodeError:  # half a surrogate pair, from a command line that is no UTF-8
        return json.dumps(args).encode()


def _pack(parts: Iterable[bytes]) -> bytes:
    """Write parts of a command as Redis's protocol wants them."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
