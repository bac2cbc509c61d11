"""`convertro erase`: nothing of a person is left in Redis, and everything of others is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli_process import MARKER, Cli, Filler, attempt
from tests.events import mobile_track
from tests.functional.test_wakeups import has_worker
from tests.waiting import until
from worker.demo.stack import Stack
from worker.records import Attempt, Finish, Move, SentCall

PERSON, VISITOR = "u-ada-97980", "anon-507f191e"

SENT = SentCall(call_index=0, path="/v1/x/y/events", body=f'{{"user_id":"{PERSON}"}}'.encode())


def event(event_id: str, **fields: Any) -> tuple[str, bytes]:
    body = {"type": "track", "messageId": event_id, "userId": "somebody else", **fields}
    return event_id, json.dumps(body).encode()


def theirs(event_id: str, **fields: Any) -> tuple[str, bytes]:
    return event(event_id, userId=PERSON, traits={"email": MARKER}, **fields)


def everything_in(redis: Any, pattern: str = "*") -> Iterator[bytes]:
    """Every key and every byte of every value."""
    for key in redis.scan_iter(pattern):
        yield key
        kind = redis.type(key)
        if kind == b"hash":
            for name, value in redis.hgetall(key).items():
                yield from (name, value)
        elif kind == b"zset":
            yield from redis.zrange(key, 0, -1)
        elif kind == b"set":
            yield from redis.smembers(key)
        elif kind == b"list":
            yield from redis.lrange(key, 0, -1)
        else:
            yield redis.get(key)


def found(filler: Filler, *words: str) -> list[bytes]:
    return [
        value
        for value in everything_in(filler.redis, f"*{filler.prefix.strip('{}:')}*")
        if any(word.encode() in value for word in words)
    ]


def finish(filler: Filler, move: Move, event_id: str, lease: str, **fields: Any) -> None:
    refused: Attempt = attempt()
    filler.journal.finish(
        [Finish(event_id=event_id, lease=lease, move=move, attempts=(refused,), **fields)]
    )


def test_events_go_from_every_place_and_those_of_others_stay(cli: Cli, filler: Filler) -> None:
    filler.tick()
    journal = filler.journal
    journal.accept([theirs("ada-dead"), theirs("ada-waiting"), event("other-dead")], [])
    for claimed in journal.claim("wakeup", "lease", 10, idle=False).events:
        if claimed.event_id == "ada-waiting":
            finish(filler, Move.POSTPONED, claimed.event_id, "lease", delay_ms=100_000)
        else:
            sent = SENT if claimed.event_id == "ada-dead" else None
            kind = {"reason": "rejected", "status": 400, "sent": sent}
            finish(filler, Move.DEAD, claimed.event_id, "lease", **kind)
    unreadable = f'{{"broken {PERSON}'.encode()
    journal.accept([theirs("ada-due"), ("ada-broken", unreadable), event("other-due")], [])
    journal.accept([event("ada-anonymous", anonymousId=VISITOR)], [])
    assert len(found(filler, PERSON)) == 5  # four events and the call of the dead one
    ended = cli("erase", "--user-id", PERSON, "--anonymous-id", VISITOR, "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    receipt = json.loads(ended.stdout)
    ids = ["ada-anonymous", "ada-broken", "ada-dead", "ada-due", "ada-waiting"]
    assert receipt["ids"] == ids
    assert receipt["by_place"] == {"due": 3, "waiting": 1, "dead": 1}
    assert receipt["complete"] is True
    assert PERSON not in ended.stdout
    assert found(filler, PERSON, VISITOR, MARKER, *ids) == []
    assert filler.places("other-dead", "other-due") == ["dead", "due"]
    assert journal.snapshot().counters["discarded:erased"] == 5
    assert cli("audit").returncode == 0
    # Not even the id is remembered.
    assert journal.accept([theirs("ada-due")], []).new == (True,)


def test_numbers_and_aliases_are_the_same_person(cli: Cli, filler: Filler) -> None:
    filler.journal.accept(
        [
            event("number", userId=97980),
            event("alias", previousId="97980"),
            event("longer", userId="979801"),
        ],
        [],
    )
    ended = cli("erase", "--user-id", "97980", "--yes")
    assert json.loads(ended.stdout)["ids"] == ["alias", "number"]
    assert filler.places("longer") == ["due"]


def test_what_a_worker_holds_is_named_or_waited_for(cli: Cli, filler: Filler) -> None:
    filler.tick()
    filler.journal.accept([theirs("ada-claimed"), event("other-claimed")], [])
    filler.journal.claim("wakeup", "lease", 10, idle=False)
    ended = cli("erase", "--user-id", PERSON, "--yes", "--no-wait")
    assert ended.returncode == 1
    assert "workers still hold 1 event of theirs" in ended.stderr
    assert json.loads(ended.stdout)["still_claimed"] == ["ada-claimed"]
    waiting = cli.start("erase", "--user-id", PERSON, "--yes")
    assert waiting.stderr is not None
    assert "waiting for 1 event" in waiting.stderr.readline()
    finish(filler, Move.POSTPONED, "ada-claimed", "lease", delay_ms=1_000)
    told, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(told)["ids"] == ["ada-claimed"]
    assert json.loads(told)["by_place"] == {"claimed": 1}
    assert found(filler, PERSON, MARKER, "ada-claimed") == []
    assert filler.places("other-claimed") == ["claimed"]


def test_a_lease_that_runs_out_ends_the_wait(cli: Cli, filler: Filler) -> None:
    filler.tick()
    filler.journal.accept([theirs("ada-lost")], [])
    filler.journal.claim("wakeup", "lease", 10, idle=False)
    waiting = cli.start("erase", "--user-id", PERSON, "--yes")
    assert waiting.stderr is not None
    assert "waiting for 1 event" in waiting.stderr.readline()
    for index in ("due", "claimed"):  # as if a minute had passed
        filler.redis.zadd(f"{filler.prefix}{index}", {"ada-lost": 1})
    told, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, json.loads(told)["ids"]) == (0, ["ada-lost"])
    assert found(filler, PERSON, MARKER, "ada-lost") == []


@pytest.mark.environment(BLIP_TRIES="1")
def test_an_event_in_flight_is_gone_when_its_worker_is_done(stack: Stack) -> None:
    stack.sandbox.add_fault("slow=9")
    stack.start_worker()
    until(has_worker(stack))
    journal = stack.producer().journal
    stack.producer().intake.enqueue_many(
        [mobile_track(messageId=f"ada-{number}", userId=PERSON) for number in range(5)]
    )
    until(lambda: journal.snapshot().claimed == 5)
    stack.sandbox.add_fault("status=503")
    ended = Cli(stack.environment)("erase", "--user-id", PERSON, "--yes")
    assert ended.returncode == 0, ended.stderr
    receipt = json.loads(ended.stdout)
    assert len(receipt["ids"]) + len(receipt["finished_meanwhile"]) == 5
    redis = stack.valkey.client()
    assert not [value for value in everything_in(redis) if PERSON.encode() in (value or b"")]
    assert journal.snapshot().in_flight == journal.snapshot().dead == 0


def test_nothing_is_erased_without_a_name_or_a_yes(cli: Cli, filler: Filler) -> None:
    filler.journal.accept([theirs("ada-due")], [])
    assert cli("erase", "--yes").returncode == 2
    assert cli("erase", "--user-id", "", "--yes").returncode == 2
    declined = cli("erase", "--user-id", PERSON, stdin="n\n")
    assert (declined.returncode, declined.stdout) == (1, "")
    tried = json.loads(cli("erase", "--user-id", PERSON, "--dry-run").stdout)
    assert (tried["dry_run"], tried["complete"], tried["by_place"]) == (True, False, {"due": 1})
    assert filler.places("ada-due") == ["due"]
    nobody = json.loads(cli("erase", "--user-id", "nobody", "--yes").stdout)
    assert (nobody["erased"], nobody["complete"]) == (0, True)
