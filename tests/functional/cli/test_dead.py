"""The commands under `convertro dead`: one selection, and what is done with it."""

import json
import signal
import stat
import time
from pathlib import Path

import pytest

from config.settings import DEFAULT_QUEUE
from tests.support.cli_process import MARKER, Cli, Filler, attempt, json_lines
from tests.support.letters import deaths_of
from tests.support.waiting import until
from worker.reasons import DeathReason

EXHAUSTED = {"reason": "retries_exhausted", "outcome_class": "ambiguous", "status": 503}


@pytest.fixture
def letters(filler: Filler) -> Filler:
    """Two rejected dead letters, one of them a day old, and two that exhausted their retries."""
    filler.bury("old", "new")
    filler.bury("slow-1", "slow-2", **EXHAUSTED)
    filler.died("old", int((time.time() - 86400) * 1000))
    return filler


def ids_of(cli: Cli, *options: str) -> list[str]:
    return [letter["id"] for letter in cli.json("dead", "list", *options)]


def test_the_list_can_be_filtered(cli: Cli, letters: Filler) -> None:
    assert ids_of(cli) == ["old", "new", "slow-1", "slow-2"]
    assert ids_of(cli, "--reason", "rejected") == ["old", "new"]
    assert ids_of(cli, "--class", "ambiguous") == ["slow-1", "slow-2"]
    assert ids_of(cli, "--status", "400", "--since", "2h") == ["new"]
    assert ids_of(cli, "--since", "2h", "--until", "1h") == []
    assert ids_of(cli, "--limit", "1") == ["old"]
    told = cli("dead", "list", "--limit", "3").stdout
    assert told.endswith(f"3 dead letters, 1 more with a larger --limit\n{cli.place}")


def test_the_list_has_what_a_script_needs(cli: Cli, filler: Filler) -> None:
    filler.bury("evt-1")
    (letter,) = cli.json("dead", "list")
    assert letter.pop("accepted_at") <= letter.pop("died_at")
    assert letter == {
        "id": "evt-1",
        "event": "identify",
        "reason": "rejected",
        "class": "rejected",
        "status": 400,
        "outcome": "http_400",
        "attempts": 1,
        "redriven": 0,
        "may_have_been_delivered": False,
    }


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "soon"),
        ("--class", "odd"),
        ("--reason", "odd"),
        ("--status", "x"),
        ("--status", "-1"),
        ("--status", "99"),
        ("--status", "1000"),
        ("--since", "2999-01-01T00:00:00Z"),
        ("--since", "1h", "--until", "2h"),
        ("--since", "2026-05-04", "--until", "2026-05-04"),
    ],
    ids=" ".join,
)
def test_a_filter_that_means_nothing_is_a_wrong_option(
    cli: Cli, options: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "dead.jsonl"
    for command in (("list",), ("discard", "--yes"), ("redrive",), ("export", "-o", str(file))):
        ended = cli("dead", *command, *options)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "Value error" not in ended.stderr
        said = ended.stderr.splitlines()[-1]
        assert all(option in said for option in options if option.startswith("--")), said
    assert not file.exists()


def test_show_keeps_the_content_to_itself_unless_asked(cli: Cli, letters: Filler) -> None:
    told = cli("dead", "show", "new").stdout
    assert MARKER not in told
    raw = letters.journal.look("new").raw
    assert raw is not None
    for words in ("identify", f"{len(raw)} bytes", "rejected", "400"):
        assert words in told
    assert MARKER in cli("dead", "show", "new", "--reveal").stdout
    document = cli.json("dead", "show", "new")
    assert "event" not in document
    assert document["size_bytes"] == len(raw)
    revealed = cli.json("dead", "show", "new", "--reveal")
    assert revealed.pop("event") == json.loads(raw)
    for record in (revealed, revealed["record"]):
        assert record["outcomes"][0].pop("answer") is None
    assert revealed == document


def test_show_of_an_event_that_is_not_dead_exits_with_1(cli: Cli, filler: Filler) -> None:
    filler.accept("alive")
    ended = cli("dead", "show", "alive", "--reveal")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "convertro: alive is no dead letter but due\n"


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_nothing_is_changed_without_a_selection(cli: Cli, letters: Filler, command: str) -> None:
    for arguments in ((), ("new", "--all"), ("--all", "--reason", "rejected")):
        ended = cli("dead", command, *arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert len(ended.stderr.splitlines()) == 1
    assert letters.journal.snapshot().dead == 4


def test_a_dry_run_counts_and_changes_nothing(cli: Cli, letters: Filler) -> None:
    before = letters.journal.snapshot().counters
    told = cli("dead", "redrive", "--all", "--dry-run").stdout.splitlines()
    assert f"{told[0]}\n" == cli.place
    assert told[1] == "4 dead letters would be redriven"
    assert [line.split() for line in told[2:]] == [["rejected", "2"], ["retries_exhausted", "2"]]
    assert cli.json("dead", "redrive", "--class", "ambiguous", "--dry-run") == {
        "dry_run": True,
        "selected": 2,
        "redriven": 0,
        "by_reason": {"retries_exhausted": 2},
        "not_dead": {},
    }
    assert letters.journal.snapshot().counters == before


def test_redrive_by_id_reports_those_that_are_not_dead(cli: Cli, letters: Filler) -> None:
    letters.accept("alive")
    ended = cli("dead", "redrive", "new", "alive", "nobody", "new")
    assert ended.returncode == 1
    assert ended.stdout == "1 dead letter redriven\n"
    assert ended.stderr.splitlines() == [
        "convertro: alive is no dead letter but due",
        "convertro: nobody is no dead letter but unknown",
    ]
    assert letters.places("new", "old") == ["due", "dead"]


def test_redrive_by_filter_sends_back_and_rings(cli: Cli, letters: Filler) -> None:
    letters.idle_worker()
    answer = cli.json("dead", "redrive", "--reason", "retries_exhausted", "--since", "1h")
    assert (answer["selected"], answer["redriven"]) == (2, 2)
    assert letters.places("old", "new", "slow-1", "slow-2") == ["dead", "dead", "due", "due"]
    assert letters.journal.snapshot().counters["wakeups"] == 1
    assert letters.redis.llen(DEFAULT_QUEUE) >= 1


def test_redrive_all_spares_what_dies_meanwhile(cli: Cli, filler: Filler) -> None:
    filler.bury(*(f"evt-{number}" for number in range(30)))
    with cli.start("dead", "redrive", "--all", "--rate", "10/s") as process:
        until(lambda: filler.journal.snapshot().counters.get("redriven", 0) >= 2)
        filler.bury("late")
        assert process.wait() == 0
    assert [letter.event_id for letter in filler.journal.dead_letters()] == ["late"]


def test_an_interrupted_redrive_says_how_far_it_came(cli: Cli, filler: Filler) -> None:
    filler.bury(*(f"evt-{number}" for number in range(30)))
    with cli.start("dead", "redrive", "--all", "--rate", "2/s") as process:
        until(lambda: "redriven" in filler.journal.snapshot().counters)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    assert complaint.startswith("convertro: interrupted; ")
    assert "of 30 dead letters redriven so far" in complaint
    assert filler.journal.snapshot().dead > 0


def test_discard_asks_first(cli: Cli, letters: Filler) -> None:
    for answer in ("n\n", "\n", ""):
        ended = cli("dead", "discard", "--reason", "rejected", stdin=answer)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert f"{cli.place}Discard 2 dead letters for good?" in ended.stderr
    assert letters.journal.snapshot().dead == 4
    ended = cli("dead", "discard", "--reason", "rejected", stdin="y\n")
    assert (ended.returncode, ended.stdout) == (0, "2 dead letters discarded\n")
    assert letters.places("old", "new") == ["finished", "finished"]
    assert letters.journal.snapshot().counters["discarded:operator"] == 2
    assert cli("audit").returncode == 0


def test_discard_without_a_question(cli: Cli, letters: Filler) -> None:
    ended = cli("dead", "discard", "slow-1", "nobody", "--yes", "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["discarded"] == 1
    assert json.loads(ended.stdout)["not_dead"] == {"nobody": "unknown"}
    assert letters.places("slow-1", "slow-2") == ["finished", "dead"]


def test_export_writes_the_events_and_changes_nothing(
    cli: Cli, letters: Filler, tmp_path: Path
) -> None:
    file = tmp_path / "dead.jsonl"
    ended = cli("dead", "export", "--reason", "rejected", "--output", file)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"2 dead letters written to {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    old, new = json_lines(file.read_text())
    assert old["died_at"] < new["died_at"]
    assert set(new) == {"id", "reason", "class", "status", "attempts", "died_at", "event"}
    assert new["event"]["traits"] == {"email": MARKER}
    assert letters.journal.snapshot().dead == 4


def test_an_export_into_a_file_that_others_could_read_is_readable_by_its_owner_alone(
    cli: Cli, letters: Filler, tmp_path: Path
) -> None:
    assert letters.journal.snapshot().dead
    file = tmp_path / "dead.jsonl"
    file.touch(0o644)
    file.chmod(0o644)
    assert cli("dead", "export", "--output", file).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert cli("dead", "export", "--output", "/dev/null").returncode == 0
    assert stat.S_IMODE(Path("/dev/null").stat().st_mode) == 0o666


def test_export_takes_the_same_selection(cli: Cli, letters: Filler) -> None:
    exported = {
        arguments: [line["id"] for line in json_lines(cli("dead", "export", *arguments).stdout)]
        for arguments in ((), ("--all",), ("--status", "503"), ("new",))
    }
    assert exported == {
        (): ["old", "new", "slow-1", "slow-2"],
        ("--all",): ["old", "new", "slow-1", "slow-2"],
        ("--status", "503"): ["slow-1", "slow-2"],
        ("new",): ["new"],
    }
    ended = cli("dead", "export", "nobody")
    assert (ended.returncode, ended.stdout) == (1, "")


def test_export_to_a_forbidden_path_is_reported_in_one_sentence(cli: Cli, tmp_path: Path) -> None:
    ended = cli("dead", "export", "--output", tmp_path / "none" / "dead.jsonl")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_what_is_no_event_is_exported_as_text(cli: Cli, filler: Filler) -> None:
    filler.journal.accept([("odd", b"\xff{"), ("huge", b'{"n":1e999}')])
    filler.bury("odd", "huge")
    exported = {line["id"]: line["event"] for line in json_lines(cli("dead", "export").stdout)}
    assert exported == {"odd": "\\xff{", "huge": {"n": "1e999"}}


def test_discard_spares_letters_that_died_again_after_the_question(
    cli: Cli, filler: Filler
) -> None:
    """The letters are redriven, and die of something else, while the question waits."""
    names = ("a", "b", "c")
    filler.bury(*names, reason="missing_device_id", outcome_class=None, status=None)
    with cli.start("dead", "discard", "--reason", "missing_device_id") as process:
        assert process.stderr is not None
        while "missing_device_id" not in (process.stderr.readline()):
            pass
        assert filler.journal.redrive(deaths_of(filler.journal, *names)) == (True,) * 3
        filler.bury(*names)
        told, _ = process.communicate("y\n")
    assert told.endswith("0 dead letters discarded, 3 gone before\n")
    assert ids_of(cli, "--reason", "rejected") == list(names)


def test_the_list_says_how_many_more_there_are_if_the_journal_counts_them(
    cli: Cli, letters: Filler
) -> None:
    for options, more in (
        ((), "3 more"),
        (("--reason", "rejected"), "1 more"),
        (("--status", "503"), "1 more"),
        (("--class", "ambiguous"), "more"),
        (("--since", "2d"), "more"),
    ):
        told = cli("dead", "list", "--limit", "1", *options).stdout
        assert told.endswith(f"1 dead letter, {more} with a larger --limit\n{cli.place}")
    told = cli("dead", "list", "--limit", "2", "--class", "ambiguous").stdout
    assert told.endswith(f"2 dead letters\n{cli.place}")
    assert cli("dead", "list", "--reason", "poison").stdout == f"0 dead letters\n{cli.place}"


def test_a_diff_of_nothing_says_so(cli: Cli, filler: Filler) -> None:
    ended = cli("dead", "redrive", "--reason", "rejected", "--diff")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "no dead letters to show, nothing changed\n"
    ended = cli("dead", "redrive", "nosuch", "--diff")
    assert ended.returncode == 1
    assert ended.stderr == "convertro: nosuch is no dead letter but unknown\n"


@pytest.mark.parametrize("command", ["list", "redrive", "discard", "export"])
def test_a_reason_that_does_not_exist_is_refused_with_those_that_do(cli: Cli, command: str) -> None:
    ended = cli("dead", command, "--reason", "rejcted")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert all(reason in " ".join(ended.stderr.split()) for reason in DeathReason)


def test_the_list_can_begin_with_the_newest(cli: Cli, letters: Filler) -> None:
    assert ids_of(cli, "--newest") == ["slow-2", "slow-1", "new", "old"]
    assert ids_of(cli, "--newest", "--limit", "1", "--reason", "rejected") == ["new"]
    assert ids_of(cli, "--newest", "--until", "2h") == ["old"]


def test_the_list_shows_the_name_of_each_event_and_nothing_else_of_it(
    cli: Cli, filler: Filler
) -> None:
    name = "Order Completed in the Shop"
    event = {"type": "track", "event": name, "messageId": "sale", "traits": {"email": MARKER}}
    filler.journal.accept([("sale", json.dumps(event).encode()), ("odd", b"no JSON")])
    filler.bury("sale", "odd", "link")
    told = cli("dead", "list").stdout
    assert [line.split()[3:] for line in told.splitlines()[1:4]] == [
        ["http_400", "identify", "link"],
        ["http_400", "-", "odd"],
        ["http_400", "Order", "Completed…", "sale"],
    ]
    assert MARKER not in told
    assert [letter["event"] for letter in cli.json("dead", "list")] == ["identify", None, name]


def test_dead_letters_are_counted_by_what_they_have_in_common(cli: Cli, letters: Filler) -> None:
    by_reason, by_both = (
        cli.json("dead", "list", "--by", words) for words in ("reason", "reason,event")
    )
    assert [(group["reason"], group["number"]) for group in by_reason] == [
        ("rejected", 2),
        ("retries_exhausted", 2),
    ]
    assert by_both[0] == {**by_reason[0], "event": "identify"}
    assert by_both[0]["newest_id"] == "new"
    assert by_both[0]["oldest_died_at"] < by_both[0]["newest_died_at"]
    told = cli("dead", "list", "--by", "class,status", "--limit", "1").stdout
    assert told.endswith(f"4 dead letters of 2 kinds, 1 more with a larger --limit\n{cli.place}")
    for options in (("--by", ""), ("--by", "event", "--newest")):
        assert cli("dead", "list", *options).returncode == 2
    ended = cli("dead", "list", "--by", "name")
    assert ended.returncode == 2
    assert "'name' is not one of reason, event, status, class, answer" in ended.stderr


def test_dead_letters_are_counted_by_the_form_of_the_answer(cli: Cli, filler: Filler) -> None:
    for number, name in enumerate(("ada", "grace", "edsger")):
        said = f"user {name}{number} ({MARKER}) is unknown"
        filler.bury(name, attempts=[attempt(said=said)])
    filler.bury("silent")
    filler.bury("never", attempts=[], reason="missing_device_id", outcome_class=None, status=None)
    groups = cli.json("dead", "list", "--by", "answer")
    numbers = {group["answer"]: group["number"] for group in groups}
    assert numbers == {"400 user … (…) is unknown": 3, "http_400": 1, None: 1}
    assert groups[0]["number"] == 3
    assert MARKER not in cli("dead", "list", "--by", "answer").stdout
