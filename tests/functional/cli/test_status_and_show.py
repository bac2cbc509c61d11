"""The commands that only read: `status`, `show`, `audit`, `schedule`."""

import json

import pytest

from tests.support.cli_process import MARKER, Cli, Filler, attempt
from tests.support.letters import deaths_of
from worker.journal.records import Move
from worker.status.wording import clock_time

#: An id as long as Segment allows, longer than a line.
LONG_ID = "ajs-next-1777889730123-" + "8a4f1c2e" * 9 + "12345"

#: An id that a terminal would take for a colour if it were printed as it is.
ESCAPE = "\x1b[31m"


def test_an_idle_journal(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, "m1")
    document = cli.json("status")
    assert document["state"] == "idle"
    assert document["sentence"] == "idle: nothing is due, 1 worker"
    assert document["first_due_age_seconds"] is None
    assert document["remembered"] == {"number": 1, "seconds": 86400}
    assert document["counters"] == {"accepted": 1, "delivered": 1}
    (worker,) = document["workers"]
    assert (worker["name"], worker["capacity"]) == ("worker-1@host", 2)
    assert 0 <= worker["last_tick_age_seconds"] < 5


def test_an_empty_journal_without_a_worker(cli: Cli) -> None:
    document = cli.json("status")
    assert document["sentence"] == "no worker is alive: nothing waits"
    assert document["state"] == "no_worker_is_alive"


NEVER_USED = "This journal has never been used: "


@pytest.mark.parametrize("command", [("status",), ("audit",), ("dead", "list")])
def test_an_answer_says_which_journal_it_is_about(
    cli: Cli, filler: Filler, command: tuple[str, ...]
) -> None:
    assert cli.place in cli(*command).stdout
    assert NEVER_USED in cli(*command).stdout
    filler.accept("m1")
    told = cli(*command).stdout
    assert cli.place in told
    assert NEVER_USED not in told


def test_a_script_is_told_the_journal_too(cli: Cli, filler: Filler) -> None:
    assert cli.json("status")["journal"]["never_used"] is True
    filler.tick()
    journal = cli.json("status")["journal"]
    assert journal.pop("redis").startswith("127.0.0.1:")
    assert journal == {
        "database": 0,
        "key_prefix": cli.settings["CONVERTRO_KEY_PREFIX"],
        "never_used": False,
    }


def test_events_without_a_worker(cli: Cli, filler: Filler) -> None:
    filler.accept("m1", "m2")
    document = cli.json("status")
    assert document["sentence"] == "no worker is alive: 2 events wait"
    assert document["due"] == 2
    assert document["first_due_age_seconds"] >= 0


def test_a_busy_journal_shows_dead_letters_by_what_is_there_now(cli: Cli, filler: Filler) -> None:
    filler.bury("d1", "d2")
    filler.bury("d3", reason="retries_exhausted", outcome_class="ambiguous", status=None)
    filler.bury("gone")
    filler.journal.redrive(deaths_of(filler.journal, "gone"))
    filler.finish(Move.DELIVERED, "gone")
    filler.finish(Move.POSTPONED, "w1", delay_ms=100_000)
    filler.claim("c1")
    filler.accept("m1", "m2", "m3")
    document = cli.json("status")
    assert document["sentence"] == "delivering: 3 events due, 1 claimed, 1 worker"
    assert (document["due"], document["claimed"], document["waiting"]) == (3, 1, 1)
    assert document["dead"] == {
        "number": 3,
        "by_reason": {"rejected": 2, "retries_exhausted": 1},
        "by_status": [
            {"reason": "rejected", "status": 400, "number": 2},
            {"reason": "retries_exhausted", "status": None, "number": 1},
        ],
        "in_doubt": 0,
        "bytes": filler.journal.snapshot().dead_bytes,
        "max_count": 100_000,
        "max_bytes": 1024**3,
        "max_age_seconds": 2_592_000,
    }
    assert document["counters"]["dead:rejected"] == 3


def test_a_waiting_journal_says_when_the_first_is_due(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.POSTPONED, "w1", delay_ms=3_500_000)
    told = cli("status").stdout
    assert told.startswith("waiting: 1 event due later, 1 worker\n")
    assert "the first is due in 58 min" in told


@pytest.mark.parametrize("command", [("status",), ("dead", "list"), ("show", LONG_ID), ("audit",)])
def test_tables_fit_eighty_columns_without_colour(
    cli: Cli, filler: Filler, command: tuple[str, ...]
) -> None:
    filler.bury(LONG_ID, reason="retries_exhausted", outcome_class="ambiguous", status=None)
    filler.bury("short")
    filler.accept("m1")
    ended = cli(*command, COLUMNS="80")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    # A line that begins with an id is as long as the id.
    table = [line for line in ended.stdout.splitlines() if not line.startswith(LONG_ID)]
    assert max(map(len, table)) <= 80
    assert not any(line.endswith(" ") for line in table)


def test_show_says_everything_about_a_dead_letter_but_its_content(cli: Cli, filler: Filler) -> None:
    filler.finish(
        Move.POSTPONED,
        "evt-1",
        delay_ms=0,
        attempts=[attempt(outcome_class="ambiguous", status=None, detail="read_timeout")],
        accepted=["sale.new"],
    )
    filler.bury("evt-1")
    told = cli("show", "evt-1").stdout
    assert told.startswith("evt-1 is dead since ")
    for words in ("rejected", "400", "read_timeout", "sale.new", "2026-05-04 10:15:30 UTC"):
        assert words in told
    document = cli.json("show", "evt-1")
    assert (document["id"], document["place"]) == ("evt-1", "dead")
    record = document["record"]
    assert (record["attempts"], record["postponed"], record["redriven"]) == (2, 1, 0)
    assert record["accepted_calls"] == ["sale.new"]
    assert record["outcomes"][0] == {
        "at": "2026-05-04T10:15:30.123Z",
        "call": "sale",
        "class": "ambiguous",
        "status": None,
        "detail": "read_timeout",
        "took_ms": None,
        "answer_form": None,
    }


SAID = f"'total' 12k of {MARKER} is no number"


def test_what_convertro_answered_is_shown_whole_on_demand_alone(cli: Cli, filler: Filler) -> None:
    filler.bury("evt-1", attempts=[attempt(took_ms=41, said=SAID), attempt(said=SAID)])
    for command in (("show", "evt-1"), ("dead", "show", "evt-1")):
        told = cli(*command).stdout
        assert "  http_400: '…' … of … is no number\n" in told
        assert told.count("is no number") == 1, "what is said again is kept once"
        assert "41 ms" in told
        assert MARKER not in told + cli(*command, "--json").stdout
        assert f"  http_400: {SAID}\n" in cli(*command, "--reveal").stdout
    first, last = cli.json("show", "evt-1", "--reveal")["record"]["outcomes"]
    assert (first["took_ms"], first["answer"]) == (41, None)
    assert (last["answer"], last["answer_form"]) == (SAID, "'…' … of … is no number")


def test_what_an_earlier_version_wrote_of_its_attempts_is_shown_as_well(
    cli: Cli, filler: Filler
) -> None:
    filler.bury("evt-1", attempts=[attempt(took_ms=None)])
    told = cli("show", "evt-1").stdout
    assert "http_400     -\n" in told
    assert "Convertro's answers" not in told


def test_show_finds_an_event_wherever_it_is(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, "done")
    filler.finish(Move.POSTPONED, "later", delay_ms=3_500_000)
    filler.claim("held")
    filler.accept("due")
    assert cli("show", "due").stdout.startswith("due is due since ")
    assert cli("show", "held").stdout.startswith("held is claimed by a worker, until ")
    assert cli("show", "later").stdout.startswith("later is waiting until ")
    assert "(in 58 min" in cli("show", "later").stdout
    assert cli("show", "done").stdout.startswith("done was delivered 20")


def test_show_says_how_and_when_an_event_finished(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, *(f"other-{number}" for number in range(1200)))
    filler.finish(Move.SKIPPED, "no-order", reason="missing_order_id")
    filler.bury("dropped")
    filler.journal.discard(deaths_of(filler.journal, "dropped"), "operator")
    filler.finish(Move.DELIVERED, "sent")
    at = clock_time(filler.journal.snapshot().now_ms)[:14]
    assert cli("show", "no-order").stdout.startswith(
        f"no-order was skipped (missing_order_id) {at}"
    )
    assert cli("show", "dropped").stdout.startswith(f"dropped was discarded (operator) {at}")
    document = cli.json("show", "other-7")
    assert (document["place"], document["ended"]) == (
        "finished",
        {"how": "delivered", "reason": None},
    )
    assert document["at"].startswith(at.replace(" ", "T"))


def test_show_of_what_an_earlier_version_finished_does_not_guess(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, "old")
    filler.redis.delete(*filler.redis.keys(f"{filler.prefix}endings:*"))
    assert cli("show", "old").stdout == (
        "old is finished: delivered, skipped or discarded; a worker of an earlier version did not "
        "note which\n"
    )
    assert cli.json("show", "old")["ended"] is None


def test_show_of_an_unknown_id_exits_with_1(cli: Cli) -> None:
    ended = cli("show", "nobody")
    assert ended.returncode == 1
    assert ended.stdout.startswith("nobody is unknown")
    ended = cli("show", "nobody", "--json")
    assert ended.returncode == 1
    assert '"place": "unknown"' in ended.stdout


def test_ids_are_shown_and_never_obeyed(cli: Cli, filler: Filler) -> None:
    names = [f"{ESCAPE}a", "[red]b[/red]", ":smile:"]
    filler.bury(*names)
    listed = cli("dead", "list").stdout
    shown = cli("show", names[0]).stdout
    assert ESCAPE not in listed + shown
    assert shown.startswith(r"\x1b[31ma is dead")
    assert "[red]b[/red]" in listed
    assert ":smile:" in listed
    assert [letter["id"] for letter in cli.json("dead", "list")] == sorted(names)


def test_the_audit_shows_its_equation(cli: Cli, filler: Filler) -> None:
    filler.finish(Move.DELIVERED, "m1")
    filler.finish(Move.SKIPPED, "m2", reason="unmapped_event")
    filler.bury("m3", "m4")
    filler.journal.discard(deaths_of(filler.journal, "m3"), "operator")
    filler.accept("m5")
    ended = cli("audit")
    assert ended.returncode == 0
    assert ended.stdout.endswith(f"every event is accounted for\n{cli.place}")
    audited = cli.json("audit")
    assert audited.pop("journal")["key_prefix"] == cli.settings["CONVERTRO_KEY_PREFIX"]
    assert audited == {
        "good": True,
        "accepted": 5,
        "delivered": 1,
        "skipped": 1,
        "discarded": 1,
        "due_or_claimed": 1,
        "dead": 1,
        "unaccounted": 0,
        "stored": 2,
        "problems": [],
    }


def test_the_audit_names_what_is_wrong(cli: Cli, filler: Filler) -> None:
    filler.accept("lost", "orphan", "fine")
    filler.redis.hdel(f"{filler.prefix}events", "lost")
    filler.redis.zrem(f"{filler.prefix}due", "orphan")
    ended = cli("audit")
    assert ended.returncode == 1
    assert "WRONG: 1 accepted event cannot be found\n" in ended.stdout
    assert "lost: its event is missing\n" in ended.stdout
    assert "orphan: neither due nor dead\n" in ended.stdout
    assert "fine" not in ended.stdout
    ended = cli("audit", "--json")
    assert ended.returncode == 1
    assert '"good": false' in ended.stdout


def test_the_schedule_follows_from_the_settings() -> None:
    cli = Cli({"CONVERTRO_RETRY_HORIZON_SECONDS": "600"})
    told = cli("schedule").stdout
    assert "    4  4 min           7 min 30 s\n" in told
    assert "later than 10 min after the first attempt" in told
    document = cli.json("schedule")
    assert [retry["wait_seconds"] for retry in document["retries"]] == [30, 60, 120, 240]
    assert document["retries"][-1] == {
        "retry": 4,
        "wait_seconds": 240,
        "after_first_attempt_seconds": 450,
    }
    assert document["then"] == "retries_exhausted"


def test_no_command_that_only_reads_shows_content(cli: Cli, filler: Filler) -> None:
    filler.bury("dead-1")
    filler.accept("due-1")
    for command in (
        ("status",),
        ("show", "dead-1"),
        ("show", "due-1"),
        ("audit",),
        ("dead", "list"),
        ("dead", "show", "dead-1"),
    ):
        for form in ((), ("--json",)):
            ended = cli(*command, *form)
            assert ended.returncode == 0
            assert MARKER not in ended.stdout + ended.stderr


def test_a_check_is_quiet_while_all_is_well_and_says_what_is_wrong(
    cli: Cli, filler: Filler
) -> None:
    filler.tick()
    ended = cli("status", "--check")
    assert ended.returncode == 0
    assert ended.stdout == f"idle: nothing is due, 1 worker\n\n{cli.place}"
    filler.bury("evt-1")
    ended = cli("status", "--check")
    assert ended.returncode == 1
    assert "! 1 event became dead letters" in " ".join(ended.stdout.split())
    assert "per second" not in ended.stdout
    ended = cli("status", "--check", "--json")
    assert ended.returncode == 1
    names = [problem["name"] for problem in json.loads(ended.stdout)["problems"]]
    assert names == ["dead_letters_new"]


def test_a_check_passes_while_failed_attempts_are_retried(cli: Cli, filler: Filler) -> None:
    failed = [attempt(outcome_class="ambiguous", status=503, detail="http_503")]
    filler.finish(Move.POSTPONED, "later", delay_ms=3_500_000, attempts=failed)
    ended = cli("status", "--check")
    assert "1 of the 1 attempt" in ended.stdout
    assert ended.returncode == 0


@pytest.mark.parametrize("trouble", ["paused", "no worker"])
def test_a_check_fails_while_nothing_is_delivered(cli: Cli, filler: Filler, trouble: str) -> None:
    if trouble == "paused":
        filler.tick()
        filler.journal.pause("a change")
    assert cli("status", "--check").returncode == 1
    assert cli("status").returncode == 0


def test_a_check_that_watches_is_refused(cli: Cli) -> None:
    ended = cli("status", "--check", "--watch")
    assert (ended.returncode, ended.stdout) == (2, "")
