"""Messages that do not belong into the queue of wake-ups, each with the kind it is counted as."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from config.settings import DEFAULT_QUEUE
from tests.support.cli_process import MARKER
from worker.task_names import DELIVER

TOKEN = "0123456789abcdef"

#: The last part of a body that Celery publishes.
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

#: A signature of a task, as callbacks and chains hold them.
SIGNATURE = {"task": f"foreign.{MARKER}", "args": [MARKER], "kwargs": {}, "options": {}}

#: JSON nested more deeply than any reader allows, but short enough to be read.
DEEP = "[" * 5_000 + "]" * 5_000


def headers(**changes: Any) -> dict[str, Any]:
    """The headers of a wake-up as Celery publishes it, with changes."""
    name = str(uuid4())
    return {
        "lang": "py",
        "task": DELIVER,
        "id": name,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": name,
        "parent_id": None,
        "argsrepr": f"('{TOKEN}',)",
        "kwargsrepr": "{}",
        "origin": "gen1@host",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
        **changes,
    }


def body(*args: Any, kwargs: Any = None, **embed: Any) -> bytes:
    """The body of a wake-up, with other arguments or another last part if given."""
    parts = [list(args) or [TOKEN], {} if kwargs is None else kwargs, {**EMBED, **embed}]
    return json.dumps(parts).encode()


def properties(**changes: Any) -> dict[str, Any]:
    """The properties of a wake-up as kombu publishes it, with changes."""
    return {
        "correlation_id": str(uuid4()),
        "reply_to": str(uuid4()),
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": DEFAULT_QUEUE},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
        **changes,
    }


def envelope(**changes: Any) -> dict[str, Any]:
    """An entry of the queue's list, with changes; `content_` stands for `content-` in names."""
    whole = {
        "body": b64encode(body()).decode(),
        "content_encoding": "utf-8",
        "content_type": "application/json",
        "headers": headers(),
        "properties": properties(),
        **changes,
    }
    return {name.replace("content_", "content-"): value for name, value in whole.items()}


def with_body(raw: bytes, **changes: Any) -> dict[str, Any]:
    return envelope(body=b64encode(raw).decode(), **changes)


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}


def wakeup() -> bytes:
    """The entry of a proper wake-up."""
    return json.dumps(envelope()).encode()


def raw_entries() -> Iterator[tuple[str, bytes | str]]:
    """Entries that are not a JSON object, or cannot be read as one."""
    yield "empty", ""
    yield "text", MARKER
    yield "bytes", b"\x80\x81\xff" + MARKER.encode()
    yield "zeros", b"\x00" * 100
    yield "half", wakeup()[:200]
    yield "list", f'["{MARKER}"]'
    yield "null", "null"
    yield "string", f'"{MARKER}"'
    yield "number", "1"
    yield "nan", "NaN"
    yield "nan within", json.dumps(envelope(nan=float("nan")))
    yield "huge number", "1e999999"
    yield "digits", "9" * 20_000
    yield "half a character", json.dumps(envelope(headers=headers(task="\ud800")))
    yield "deep", DEEP
    # Python 3.13 reads up to 10,000 levels, so these two are cut off to be unreadable.
    yield "deep object", '{"a":' * 2_000
    yield "deep in an envelope", json.dumps(envelope())[:-1] + ', "x": ' + "[" * 12_000
    yield "huge", json.dumps(envelope(filler=MARKER * 500_000))
    yield "huge task", json.dumps(envelope(headers=headers(id=MARKER * 500_000)))


def not_tasks() -> Iterator[tuple[str, Any]]:
    """Entries whose headers do not name a task."""
    yield "empty object", {}
    yield "event", {"type": "track", "event": MARKER, "userId": MARKER}
    yield "no headers", without(envelope(), "headers")
    for value in (None, [], [MARKER], MARKER, 1, True, {}):
        yield f"headers {value!r}", envelope(headers=value)
    for value in (None, 1, True, [DELIVER], {"a": MARKER}, 1.5):
        yield f"task {value!r}", envelope(headers=headers(task=value))
    yield "no task", envelope(headers=without(headers(), "task"))
    old = {"task": DELIVER, "id": str(uuid4()), "args": [TOKEN], "kwargs": {}, "retries": 0}
    yield "protocol 1", with_body(json.dumps(old).encode(), headers={})
    yield "protocol 1, unknown", with_body(json.dumps({**old, "task": MARKER}).encode(), headers={})
    yield "protocol 1, no kwargs", with_body(b'{"task": "celery.backend_cleanup"}', headers={})
    for raw in (b"null", b"[]", b"{}", MARKER.encode(), b'"task"'):
        yield f"no headers, body {raw!r}", with_body(raw, headers={})


def unknown_tasks() -> Iterator[tuple[str, Any]]:
    """Tasks that are not ours, including Celery's own."""
    builtin = ("accumulate", "backend_cleanup", "chain", "chord", "chord_unlock", "chunks")
    names = [f"celery.{name}" for name in (*builtin, "group", "map", "starmap")]
    for name in (*names, MARKER, "", f"{DELIVER} ", "convertro.enqueue", "ä" * 300):
        yield (
            f"task {name[:30]!a}",
            with_body(
                body(MARKER, kwargs={MARKER: MARKER}), headers=headers(task=name, argsrepr=MARKER)
            ),
        )
    yield (
        "their own way to write",
        envelope(headers=headers(task="them.task"), content_type="application/x-python-serialize"),
    )


def not_wakeups() -> Iterator[tuple[str, Any]]:
    """Messages with our task's name that differ from those that we send."""
    yield from _bodies()
    yield from _envelopes()
    yield from _headers()


def _bodies() -> Iterator[tuple[str, Any]]:
    raws = (
        f'["{MARKER}"]', "null", MARKER, "", "[]", "{}", "1", "[[], {}]", "[null, null, null]",
        f'[["{TOKEN}"], {{}}, {{}}, {{}}]', f'{{"args": ["{TOKEN}"]}}', "\x00", '"args"', DEEP,
        f'[["{TOKEN}"], [], {{}}]', f'["{TOKEN}", {{}}, {{}}]', '[{"a": 1}, {}, {}]',
        f'[["{TOKEN}"], {{}}, []]', f'[["{TOKEN}"], {{}}, "{MARKER}"]', "[[NaN], {}, {}]",
        f'[[{"9" * 5_000}], {{}}, {{}}]', '[["\\ud800"], {}, {}]', f"[[{DEEP}], {{}}, {{}}]",
    )  # fmt: skip
    for raw in raws:
        yield f"body {raw[:40]!r}", with_body(raw.encode())
    yield "latin body", with_body(b'[["\xe4"], {}, {}]')
    for args in ([{"type": "track", "userId": MARKER}], [None], [1], [MARKER], [TOKEN, MARKER]):
        yield f"args {args!r}", with_body(body(*args))
    for token in ("", TOKEN.upper(), f"{TOKEN}\n", TOKEN * 2, f"{{{TOKEN[2:]}}}"):
        yield f"token {token!r}", with_body(body(token))
    yield "kwargs", with_body(body(kwargs={MARKER: MARKER}))
    for part in ("callbacks", "errbacks", "chain"):
        yield part, with_body(body(**{part: [SIGNATURE]}))
    yield "chord", with_body(body(chord=SIGNATURE))
    yield "something else embedded", with_body(body(more=MARKER))
    bomb = gzip.compress(b"0" * 5_000_000)
    yield "zip bomb", with_body(bomb, headers=headers(compression="application/x-gzip"))
    yield "zipped", with_body(gzip.compress(body()), headers=headers(compression="gzip"))


def _envelopes() -> Iterator[tuple[str, Any]]:
    yield "no body", without(envelope(), "body")
    for value in (None, [MARKER], {"a": 1}, 1, "%%%", "abc", "ä"):
        yield f"raw body {value!a}", envelope(body=value)
    types = ("application/x-python-serialize", "application/x-yaml", "application/x-msgpack")
    for value in (*types, "application/data", MARKER, None, 1, [], {}):
        yield f"content type {value!r}", envelope(content_type=value)
        yield f"content encoding {value!r}", envelope(content_encoding=value)
    yield "no properties", without(envelope(), "properties")
    for value in (None, [], MARKER, 1, {}):
        yield f"properties {value!r}", envelope(properties=value)
    for name in ("body_encoding", "delivery_tag", "delivery_info"):
        yield f"no {name}", envelope(properties=without(properties(), name))
        for value in (None, [MARKER], {"a": MARKER}, 1, MARKER):
            if (name, value) != ("delivery_tag", MARKER):
                yield f"{name} {value!r}", envelope(properties=properties(**{name: value}))
    for value in ("high", [], {}, 1e300, None):
        yield f"priority {value!r}", envelope(properties=properties(priority=value))
    for value in (1, [], {}):
        yield f"reply to {value!r}", envelope(properties=properties(reply_to=value))


def _headers() -> Iterator[tuple[str, Any]]:
    for name in ("lang", "id"):
        yield f"no {name}", envelope(headers=without(headers(), name))
        for value in (None, 1, [], {}):
            yield f"{name} {value!r}", envelope(headers=headers(**{name: value}))
    for value in (MARKER, MARKER * 100):
        yield f"id {value[:40]}", envelope(headers=headers(id=value))
    wrong: dict[str, tuple[Any, ...]] = {
        "eta": ("2000-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", MARKER, 1, [], {}),
        "expires": ("2000-01-01T00:00:00+00:00", MARKER, 1e300, -1, [], {}),
        "timelimit": ([1, 1], [MARKER, None], MARKER, 7, [], [None], {}),
        "retries": (-1, 7, MARKER, None, [], 1.5),
        "group": (MARKER, 1, [], {}),
        "argsrepr": (1, [], {}),
        "kwargsrepr": (1, [], {}),
        "root_id": (1, [], {}),
        "parent_id": (1, [], {}),
        "shadow": (MARKER, 1, []),
        "compression": ("bogus", MARKER, 1, [], {}),
        "stamps": ({"a": MARKER}, [], 1),
        "stamped_headers": ([MARKER], 1),
        "origin": (1, [], {}),
        "ignore_result": (MARKER, 1, []),
    }
    for name, values in wrong.items():
        for value in values:
            yield f"{name} {value!r}", envelope(headers=headers(**{name: value}))


def corpus() -> Iterator[tuple[str, str, bytes]]:
    """All messages: a name, the kind it is counted as, and the entry of the list."""
    for kind, entries in (
        ("unreadable", raw_entries()),
        ("not_a_task", not_tasks()),
        ("unknown_task", unknown_tasks()),
        ("not_a_wakeup", not_wakeups()),
    ):
        for name, entry in entries:
            text = entry if isinstance(entry, (str, bytes)) else json.dumps(entry)
            yield name, kind, text.encode() if isinstance(text, str) else text
