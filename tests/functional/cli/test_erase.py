"""Erasing a person: nothing of theirs is left in Redis, and no other person's events change."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.support.cli_process import MARKER, Cli, Filler, attempt
from tests.support.waiting import until
from worker.journal.records import Finish, Move, SentCall
from worker.lab.demo.stack import Stack

ADA, VISITOR = "ada-4711", "visitor-of-ada-0815"
#: The beginning of every id of Ada's events, as applications make ids.
ADAS = "ada-4711-evt"

OTHERS = ("bob-due", "bob-waiting", "bob-dead", "bob-held")


def raw(event_id: str, **fields: Any) -> bytes:
    email = MARKER if event_id.startswith(ADAS) else "bob@example.com"
    event = {"type": "identify", "messageId": event_id, "traits": {"email": email}, **fields}
    return json.dumps(event).encode()


def everything_in(redis: Redis) -> Iterator[bytes]:
    """All bytes in Redis: the name and the content of every key."""
    for key in redis.scan_iter():
        yield key
        match redis.type(key):
            case b"string":
                yield redis.get(key) or b""
            case b"hash":
                for field, value in redis.hgetall(key).items():
                    yield from (field, value)
            case b"set":
                yield from redis.smembers(key)
            case b"zset":
                yield from (member for member, _ in redis.zscan_iter(key))
            case b"list":
                yield from redis.lrange(key, 0, -1)
            case kind:
                raise AssertionError(f"what is in a {kind.decode()}?")


def traces(redis: Redis, *texts: str) -> list[bytes]:
    return [
        piece for piece in everything_in(redis) if any(text.encode() in piece for text in texts)
    ]


@pytest.fixture
def filler(filler: Filler) -> Filler:
    """A journal on a server that holds only what the test puts there."""
    filler.redis.flushdb()
    return filler


def claim(filler: Filler, lease: str) -> dict[str, str]:
    filler.tick()
    taken = filler.journal.claim("wakeup-1", lease, 10_000).events
    return {event.event_id: lease for event in taken}


def put_everywhere(filler: Filler, name: str, **who: Any) -> None:
    """Put a person's event that waits after a failed attempt, and a dead one with its call."""
    waiting, dead = f"{name}-waiting", f"{name}-dead"
    filler.journal.accept([(waiting, raw(waiting, **who)), (dead, raw(dead, **who))])
    leases = claim(filler, f"lease-{name}")
    failed = {
        "attempts": [
            attempt(
                outcome_class="ambiguous",
                detail="http_503",
                status=503,
                said=f"later, {who['userId']}",
            )
        ],
        "accepted": {0: "users"},
    }
    body = raw(dead, **who)
    filler.journal.finish(
        [
            Finish(
                event_id=waiting,
                lease=leases[waiting],
                move=Move.POSTPONED,
                delay_ms=3_600_000,
                **failed,
            ),
            Finish(
                event_id=dead,
                lease=leases[dead],
                move=Move.DEAD,
                reason="rejected",
                outcome_class="rejected",
                status=400,
                sent=SentCall(call="sale", path="/v1", body=body),
                attempts=[attempt(said=f"unknown user {who['userId']}")],
            ),
        ]
    )
    assert filler.places(waiting, dead) == ["waiting", "dead"]


def receipt_of(cli: Cli, *options: str, code: int = 0) -> dict[str, Any]:
    ended = cli("erase", "--yes", *options)
    assert ended.returncode == code, ended.stderr
    for secret in (MARKER, VISITOR):
        assert secret not in ended.stdout + ended.stderr
    receipt: dict[str, Any] = json.loads(ended.stdout)
    return receipt


def test_nothing_of_a_person_is_left_wherever_their_events_were(cli: Cli, filler: Filler) -> None:
    # A worker that never comes back holds one event of each person until its lease ends.
    short = Cli({**cli.settings, "CONVERTRO_LEASE_SECONDS": "90"})
    put_everywhere(filler, ADAS, userId=ADA, anonymousId=VISITOR)
    put_everywhere(filler, "bob", userId="bob")
    held = {f"{ADAS}-held": {"userId": ADA}, "bob-held": {"userId": "bob"}}
    filler.journal.accept([(name, raw(name, **who)) for name, who in held.items()])
    assert claim(filler, "lease-lost").keys() == held.keys()
    for name in held:
        end_soon(filler, name)
    due = {
        f"{ADAS}-due": raw(f"{ADAS}-due", userId=ADA),
        f"{ADAS}-anonymous": raw(f"{ADAS}-anonymous", anonymousId=VISITOR),
        f"{ADAS}-alias": raw(f"{ADAS}-alias", type="alias", userId="x", previousId=ADA),
        f"{ADAS}-broken": f'{{"userId": "{ADA}", "email": "{MARKER}"'.encode(),
        f"{ADAS}-text": json.dumps(f"by name came {ADA}").encode(),
        "bob-due": raw("bob-due", userId="bob"),
        "bob-broken": b'{"userId": "bob"',
    }
    filler.journal.accept(list(due.items()))
    assert len(traces(filler.redis, ADA, VISITOR, MARKER)) > 20
    receipt = receipt_of(short, "--user-id", ADA, "--anonymous-id", VISITOR)
    assert receipt["complete"]
    assert receipt["by_place"] == {"claimed": 1, "dead": 1, "due": 5, "waiting": 1}
    assert receipt["erased"] == len(receipt["ids"]) == 8
    assert all(name.startswith(ADAS) for name in receipt["ids"])
    assert receipt["delivered_meanwhile"] == receipt["still_claimed"] == []
    assert receipt["key_prefix"] == filler.prefix
    assert traces(filler.redis, ADA, VISITOR, MARKER) == []
    assert {name for name, _ in filler.journal.all_raw_events()} == {*OTHERS, "bob-broken"}
    assert filler.places(*OTHERS[:3]) == ["due", "waiting", "dead"]
    assert filler.journal.sent_calls(["bob-dead"]) != [None]
    assert cli("audit").returncode == 0
    assert filler.journal.snapshot().counters["discarded:erased"] == 8


def end_soon(filler: Filler, event_id: str) -> None:
    """Let a lease end in two seconds."""
    at_ms = filler.journal.snapshot().now_ms + 2_000
    for key in ("due", "claimed"):
        assert filler.redis.zadd(f"{filler.prefix}{key}", {event_id: at_ms}, xx=True, ch=True)


def test_what_is_delivered_meanwhile_is_reported_and_its_id_forgotten(
    cli: Cli, filler: Filler
) -> None:
    names = [f"{ADAS}-{what}" for what in ("delivered", "failed", "refused")]
    filler.journal.accept([(name, raw(name, userId=ADA)) for name in names])
    claim(filler, "lease-1")
    with cli.start("erase", "--user-id", ADA, "--yes") as process:
        until(lambda: all(b'"erase":true' in text for text in records(filler, names)))
        moves = (Move.DELIVERED, Move.POSTPONED, Move.DEAD)
        finishes = [
            Finish(event_id=name, lease="lease-1", move=move, delay_ms=1000, reason="rejected")
            for name, move in zip(names, moves, strict=True)
        ]
        filler.journal.finish(finishes)
        told, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert complaint.startswith("convertro: 3 events held by workers; waiting for them, ")
    receipt = json.loads(told)
    assert (receipt["complete"], receipt["erased"]) == (True, 2)
    assert receipt["delivered_meanwhile"] == names[:1]
    assert traces(filler.redis, ADAS, ADA) == []
    assert cli("audit").returncode == 0


def records(filler: Filler, ids: list[str]) -> list[bytes]:
    return [text or b"" for text in filler.redis.hmget(f"{filler.prefix}progress", ids)]


def test_without_waiting_it_ends_at_once_and_names_what_is_held(cli: Cli, filler: Filler) -> None:
    names = (f"{ADAS}-1", f"{ADAS}-2")
    filler.journal.accept([(names[0], raw(names[0], userId=ADA))])
    claim(filler, "lease-1")
    filler.journal.accept([(names[1], raw(names[1], userId=ADA))])
    receipt = receipt_of(cli, "--user-id", ADA, "--no-wait", code=1)
    assert not receipt["complete"]
    assert (receipt["ids"], receipt["still_claimed"]) == ([names[1]], [names[0]])
    filler.journal.finish(
        [Finish(event_id=names[0], lease="lease-1", move=Move.POSTPONED, delay_ms=1000)]
    )
    assert traces(filler.redis, ADAS) == []


def test_an_interrupted_wait_names_what_is_erased(cli: Cli, filler: Filler) -> None:
    filler.journal.accept([(f"{ADAS}-1", raw(f"{ADAS}-1", userId=ADA))])
    claim(filler, "lease-1")
    with cli.start("erase", "--user-id", ADA, "--yes") as process:
        until(lambda: b'"erase":true' in records(filler, [f"{ADAS}-1"])[0])
        process.send_signal(signal.SIGINT)
        told, complaint = process.communicate()
    assert process.returncode == 130
    assert json.loads(told)["still_claimed"] == [f"{ADAS}-1"]
    assert "interrupted; 0 events erased so far, 1 to be erased when workers are done" in complaint


@pytest.mark.parametrize(
    ("given", "fits", "fits_not"),
    [
        ("123", [123, "123", 123.0], [1234, "0123", True, None, ["123"]]),
        ("Zoë", ["Zoë"], ["zoë", "Zoe", " Zoë"]),
        ("1", [1, "1"], [True, "01", {"id": "1"}]),
    ],
)
def test_an_id_fits_as_a_whole_or_not_at_all(
    cli: Cli, filler: Filler, given: str, fits: list[Any], fits_not: list[Any]
) -> None:
    events = {f"fits-{number}": value for number, value in enumerate(fits)}
    events |= {f"other-{number}": value for number, value in enumerate(fits_not)}
    filler.journal.accept([(name, raw(name, userId=value)) for name, value in events.items()])
    receipt = receipt_of(cli, "--user-id", given)
    assert sorted(receipt["ids"]) == [f"fits-{number}" for number in range(len(fits))]


def test_in_what_is_no_json_an_id_fits_as_a_word(cli: Cli, filler: Filler) -> None:
    texts = {
        "fits-0": '{"userId": "zoë-1", "x": ',
        "fits-1": '"zo\\u00eb-1"',
        "fits-2": '["zoë-1"]',
        "other-0": '{"userId": "zoë-12"',
        "other-1": '{"userId": "Azoë-1"',
    }
    filler.journal.accept([(name, text.encode()) for name, text in texts.items()])
    assert sorted(receipt_of(cli, "--user-id", "zoë-1")["ids"]) == ["fits-0", "fits-1", "fits-2"]


def test_it_asks_first_and_a_dry_run_changes_nothing(cli: Cli, filler: Filler) -> None:
    filler.accept("evt-1", "evt-2")
    told = cli("erase", "--user-id", "u1", "--dry-run")
    assert json.loads(told.stdout) == {"dry_run": True, "found": 2, "by_place": {"due": 2}}
    declined = cli("erase", "--user-id", "u1", stdin="n\n")
    assert (declined.returncode, declined.stdout) == (1, "")
    assert "Erase 2 events for good? [y/N]: " in declined.stderr
    assert filler.places("evt-1", "evt-2") == ["due", "due"]
    assert cli("erase", "--user-id", "u1", stdin="y\n").returncode == 0
    assert filler.places("evt-1", "evt-2") == ["unknown", "unknown"]


def test_if_no_event_is_found_nothing_is_asked(cli: Cli) -> None:
    ended = cli("erase", "--user-id", "nobody")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["erased"] == 0


@pytest.mark.parametrize(
    "options", [(), ("--user-id", ""), ("--anonymous-id", ""), ("--user-id", "u1", "u2")]
)
def test_an_erasure_without_an_id_is_refused(cli: Cli, options: tuple[str, ...]) -> None:
    ended = cli("erase", "--yes", *options)
    assert (ended.returncode, ended.stdout) == (2, "")


def test_an_unavailable_redis_is_reported(cli: Cli) -> None:
    ended = cli("erase", "--user-id", ADA, CONVERTRO_REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.returncode == 3


@pytest.mark.environment(CONCURRENCY="1")
def test_events_in_flight_are_erased_while_their_worker_runs(stack: Stack) -> None:
    stack.sandbox.add_fault("slow=3")
    producer = stack.producer()
    # More events than are delivered while a slow machine starts the command.
    names = [f"{ADAS}-{number:02}" for number in range(20)]
    for name in names:
        producer.intake.enqueue(
            {
                "type": "identify",
                "messageId": name,
                "userId": ADA,
                "anonymousId": VISITOR,
                "traits": {"email": MARKER},
                "context": {"library": {"name": "analytics.js"}},
            }
        )
    stack.start_worker()
    until(lambda: producer.journal.snapshot().claimed)
    ended = Cli(stack.environment)("erase", "--user-id", ADA, "--yes")
    assert ended.returncode == 0, ended.stderr
    receipt = json.loads(ended.stdout)
    sent = {call.key.partition("/")[0] for call in stack.sandbox.calls()}
    assert sorted([*receipt["ids"], *sent]) == names
    assert receipt["ids"]
    assert receipt["delivered_meanwhile"]
    assert sent.issuperset(receipt["delivered_meanwhile"])
    stack.stop_workers()
    with Redis.from_url(stack.redis_url) as redis:
        assert traces(redis, ADA, VISITOR, MARKER) == []
    assert Cli(stack.environment)("audit").returncode == 0
