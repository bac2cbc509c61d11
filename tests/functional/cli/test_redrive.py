"""`convertro dead redrive` with a canary, with a diff, and after an interruption."""

import json
import re
import shlex
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from convertro.segment_event import encode
from tests.support.cli_process import MARKER, Cli, Filler
from tests.support.events import mobile_track, web_identify
from tests.support.letters import deaths_of
from tests.support.waiting import until
from worker.cli.dead.canary import PATIENCE_SECONDS, Canary, watch
from worker.cli.terminal.progress import progress
from worker.journal.journal import Journal
from worker.journal.records import Move, SentCall
from worker.lab.demo.stack import Stack
from worker.status.wording import iso_time

NO_BREAKER = pytest.mark.environment(BREAKER_MIN_COUNT="10000")


def letters_of(stack: Stack, *ids: str) -> Journal:
    """Make dead letters with a worker, which stays, and a Convertro that rejects."""
    stack.sandbox.add_fault("status=400")
    producer = stack.producer()
    stack.start_worker()
    producer.intake.enqueue_many([mobile_track(messageId=name) for name in ids])
    until(lambda: producer.journal.snapshot().dead == len(ids))
    stack.sandbox.forget()
    return producer.journal


def attempts(stack: Stack) -> Counter[str]:
    """How often each event was sent."""
    return Counter(request["key"].partition("/")[0] for request in stack.sandbox.requests())


def names(number: int) -> list[str]:
    return [f"evt-{index}" for index in range(number)]


@NO_BREAKER
def test_the_others_follow_a_canary_that_succeeds(stack: Stack) -> None:
    journal = letters_of(stack, *names(10))
    stack.sandbox.clear_faults()
    ended = Cli(stack.environment)("dead", "redrive", "--all", "--canary", "3")
    assert (ended.returncode, ended.stdout) == (0, "10 dead letters redriven\n")
    assert ended.stderr == ("convertro: the canary of 3 is delivered or skipped; 7 others follow\n")
    until(lambda: journal.snapshot().total("delivered") == 10)
    assert attempts(stack) == Counter(names(10))


@NO_BREAKER
def test_the_others_stay_if_the_canary_fails(stack: Stack) -> None:
    journal = letters_of(stack, *names(10))
    cli = Cli(stack.environment)
    ended = cli("dead", "redrive", "--all", "--canary", "3")
    assert (ended.returncode, ended.stdout) == (1, "")
    failed = sorted(attempts(stack))
    assert len(failed) == 3
    found = re.fullmatch(
        r"convertro: 3 of 3 canary events failed: 3 dead again \(rejected http_400\); "
        r"the other 7 dead letters stay untouched; see `convertro (dead show .*)`\n",
        ended.stderr,
    )
    assert found, ended.stderr
    assert cli(*shlex.split(found[1])).returncode == 0
    assert journal.snapshot().total("redriven") == 3
    assert journal.snapshot().dead == 10


@pytest.mark.environment(BREAKER_MIN_COUNT="10000", BLIP_TRIES="1")
def test_a_canary_that_waits_for_a_retry_failed(stack: Stack) -> None:
    letters_of(stack, *names(4))
    stack.sandbox.clear_faults()
    stack.sandbox.add_fault("status=503")
    ended = Cli(stack.environment)("dead", "redrive", "--all", "--canary", "2", "--json")
    assert ended.returncode == 1
    answer = json.loads(ended.stdout)
    assert (answer["selected"], answer["redriven"]) == (4, 2)
    canary = answer["canary"]
    assert (canary["sent"], canary["finished"], canary["pending"]) == (2, 0, [])
    assert list(canary["failed"].values()) == [{"place": "waiting", "why": "http_503"}] * 2
    assert "2 waiting for a retry (http_503)" in ended.stderr


@NO_BREAKER
def test_a_redrive_never_sends_back_letters_that_die_while_it_runs(stack: Stack) -> None:
    """Each event is sent once more, although all become dead letters again meanwhile."""
    journal = letters_of(stack, *names(30))
    ended = Cli(stack.environment)("dead", "redrive", "--all", "--rate", "30/s")
    assert (ended.returncode, ended.stdout) == (0, "30 dead letters redriven\n")
    until(lambda: journal.snapshot().dead == 30)
    assert attempts(stack) == Counter(names(30))


@NO_BREAKER
@pytest.mark.parametrize(
    "selection",
    [["--all"], ["--reason", "rejected", "--since", "1h"], names(30)],
    ids=["all", "filters", "ids"],
)
def test_an_interrupted_redrive_names_the_command_that_goes_on(
    stack: Stack, selection: list[str]
) -> None:
    journal = letters_of(stack, *names(30))
    cli = Cli(stack.environment)
    with cli.start("dead", "redrive", *selection, "--rate", "10/s") as process:
        until(lambda: len(attempts(stack)) >= 4)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    done = journal.snapshot().total("redriven")
    assert 4 <= done < 30
    until(lambda: journal.snapshot().dead == 30)
    said, _, command = complaint.strip().partition("; go on with: ")
    assert said == f"convertro: interrupted; {done} of 30 dead letters redriven so far"
    words = shlex.split(command)
    assert words[:3] == ["convertro", "dead", "redrive"]
    words[words.index("10/s")] = "1000/s"
    ended = cli(*words[1:])
    assert (ended.returncode, ended.stdout) == (0, f"{30 - done} dead letters redriven\n")
    until(lambda: journal.snapshot().dead == 30)
    assert attempts(stack) == Counter(names(30))


def test_nothing_is_sent_where_a_canary_would_tell_nothing(cli: Cli, filler: Filler) -> None:
    filler.bury(*names(3))
    filler.journal.pause("")
    paused = cli("dead", "redrive", "--all", "--canary", "1")
    assert paused.returncode == 1
    assert paused.stderr.startswith("convertro: deliveries are paused since ")
    filler.journal.resume()
    filler.end()
    filler.journal.leave("worker-1@host", 2)
    alone = cli("dead", "redrive", "--all", "--canary", "1")
    assert (alone.returncode, alone.stderr) == (
        1,
        "convertro: no worker is alive, so a canary would tell nothing: nothing was redriven\n",
    )
    assert filler.journal.snapshot().dead == 3


def test_a_pause_ends_the_wait_for_the_canary(cli: Cli, filler: Filler) -> None:
    filler.bury(*names(3))
    with cli.start("dead", "redrive", "--all", "--canary", "1") as process:
        until(lambda: filler.journal.snapshot().total("redriven") == 1)
        filler.journal.pause("")
        _, complaint = process.communicate()
    assert process.returncode == 1
    assert re.fullmatch(
        r"convertro: deliveries are paused since .* UTC, so it is not known yet what "
        r"became of 1 of "
        r"1 canary event; the other 2 dead letters stay untouched; see `convertro show evt-\d`\n",
        complaint,
    ), complaint
    assert filler.journal.snapshot().dead == 2


def test_an_interrupted_wait_for_the_canary_says_how_to_go_on(cli: Cli, filler: Filler) -> None:
    filler.bury(*names(3))
    with cli.start("dead", "redrive", "--all", "--canary", "1") as process:
        until(lambda: filler.journal.snapshot().total("redriven") == 1)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    assert "1 of 3 dead letters redriven so far; go on with: " in complaint
    assert complaint.endswith("Z --canary 1\n")


def test_a_wait_in_which_nothing_happens_has_an_end(filler: Filler) -> None:
    filler.bury("evt-1")
    filler.journal.redrive(deaths_of(filler.journal, "evt-1"))
    canary = Canary(["evt-1"])
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds * 50

    with progress("", 1) as bar:
        watch(filler.journal, canary, 60.0, bar, now=lambda: clock[0], sleep=sleep)
    assert canary.stopped == "no worker did anything for 1 min 30 s"
    assert 60 + PATIENCE_SECONDS < clock[0] < 200


@contextmanager
def sent_otherwise(filler: Filler, *ids: str) -> Iterator[None]:
    """Bury events whose call was sent to another site, with other traits."""
    body = {"domain": "old.example.com", "user_id": "u1", "traits": {"email": MARKER, "age": 36}}
    traits = {"email": MARKER, "plan": "gold"}
    filler.journal.accept(
        [(name, encode(web_identify(messageId=name, traits=traits))) for name in ids]
    )
    sent = SentCall(call="TrackUser", path="/v1/acme/999/users", body=json.dumps(body))
    filler.bury(*ids, sent=sent)
    before = filler.journal.snapshot()
    yield
    after = filler.journal.snapshot()
    assert (after.dead, after.counters) == (before.dead, before.counters)


def test_a_diff_shows_which_fields_change_and_no_value(cli: Cli, filler: Filler) -> None:
    with sent_otherwise(filler, *names(5)):
        ended = cli("dead", "redrive", "--all", "--diff", "--samples", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert MARKER not in ended.stdout
    assert "example.com" not in ended.stdout
    lines = [line.strip() for line in ended.stdout.splitlines()]
    assert "-POST /v1/acme/999/users" in lines
    assert "+POST /v1/acme/1234/users" in lines
    assert '-  "domain": "… (was)",' in lines
    assert '+  "domain": "… (now)",' in lines
    assert '"email": "…",' in lines
    assert '-    "age": "… (was)"' in lines
    assert '+    "plan": "… (now)",' in lines
    assert lines.count("call TrackUser: changed") == 2
    assert lines[-1] == "2 of 5 dead letters shown, nothing changed"


def test_a_diff_reveals_values_if_asked(cli: Cli, filler: Filler) -> None:
    with sent_otherwise(filler, "evt-1"):
        told = cli("dead", "redrive", "evt-1", "--diff", "--reveal").stdout
    assert MARKER in told
    assert '-  "domain": "old.example.com",' in told


def test_a_diff_says_what_would_not_be_sent(cli: Cli, filler: Filler) -> None:
    track = {"type": "track", "event": "Toys", "userId": MARKER}
    filler.journal.accept(
        [
            ("skip", json.dumps({**track, "context": {"library": {"name": "x"}}}).encode()),
            ("odd", b"no event"),
        ]
    )
    filler.finish(Move.DEAD, "skip", "odd", reason="rejected")
    answer = cli.json("dead", "redrive", "--all", "--diff")
    outcomes = {sample["id"]: sample["outcome"] for sample in answer["samples"]}
    assert outcomes["odd"] == "die"
    told = cli("dead", "redrive", "--all", "--diff").stdout
    assert "odd (rejected) would be a dead letter again: invalid_event" in told
    assert MARKER not in told


@NO_BREAKER
def test_a_diff_of_what_a_worker_sent_shows_a_setting_that_changed(stack: Stack) -> None:
    letters_of(stack, "evt-1")
    same = Cli(stack.environment)("dead", "redrive", "--all", "--diff").stdout
    assert "  call DeviceEvent: the same as was sent" in same
    changed = Cli({**stack.environment, "CONVERTRO_SITE_ID": "777"})
    told = changed("dead", "redrive", "--all", "--diff").stdout
    assert "+POST /v1/acme/777/events" in told


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--diff", "--rate", "1/s"), ("--diff", "--rate")),
        (("--diff", "--canary", "1"), ("--diff", "--canary")),
        (("--diff", "--dry-run"), ("--diff", "--dry-run")),
        (("--canary", "1", "--dry-run"), ("--canary", "--dry-run")),
        (("--samples", "1"), ("--samples", "--diff")),
        (("--reveal",), ("--reveal", "--diff")),
    ],
)
def test_options_that_contradict_each_other_are_named(
    cli: Cli, options: tuple[str, ...], named: tuple[str, str]
) -> None:
    ended = cli("dead", "redrive", "--all", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    assert all(name in ended.stderr for name in named)


def test_until_bounds_a_selection_to_the_millisecond(cli: Cli, filler: Filler) -> None:
    filler.bury("old", "new")
    died_ms = int(time.time() * 1000) - 60_000
    filler.died("old", died_ms - 1)
    filler.died("new", died_ms)
    chosen = cli.json("dead", "list", "--until", iso_time(died_ms))
    assert [letter["id"] for letter in chosen] == ["old"]
    assert len(cli.json("dead", "list", "--until", iso_time(died_ms + 1))) == 2
