"""The command line as a process: what holds for all commands, `translate`, `enqueue`."""

import gzip
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_process import MARKER, ROOT, Cli, Filler, json_lines, jsonl
from tests.support.events import ABSENT, order_completed, web_identify, web_track
from tests.support.waiting import until
from worker.cli.program import COMMANDS, DEAD_COMMANDS
from worker.lab.demo.embedded import embedded_server

HELP = (
    *((name,) for name in COMMANDS),
    *(("dead", name) for name in DEAD_COMMANDS),
)

NEEDS_REDIS = (
    ("status",),
    ("show", "evt-1"),
    ("audit",),
    ("dead", "list"),
    ("dead", "show", "evt-1"),
    ("dead", "redrive", "--all"),
    ("dead", "discard", "evt-1", "--yes"),
    ("dead", "export"),
)


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_every_command_has_help_with_an_example(cli: Cli, command: tuple[str, ...]) -> None:
    told = cli(*command, "--help")
    assert told.returncode == 0
    assert f"convertro {' '.join(command)}" in told.stdout.partition("Example:")[2]
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_the_list_of_commands_needs_nothing() -> None:
    told = Cli({"CONVERTRO_REDIS_URL": "nonsense"})("--help")
    assert told.returncode == 0
    assert "dead" in told.stdout
    assert told.stdout.count("Example: convertro ") == 3
    assert "docs/index.md" in told.stdout


@pytest.mark.parametrize("command", NEEDS_REDIS, ids=" ".join)
def test_without_redis_each_command_prints_one_sentence(command: tuple[str, ...]) -> None:
    ended = Cli({"CONVERTRO_REDIS_URL": "redis://127.0.0.1:1/0"})(*command)
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("convertro: the journal in Redis is unavailable: ")
    assert "CONVERTRO_REDIS_URL" in ended.stderr


@pytest.mark.parametrize("command", ["status", "schedule", "translate"])
def test_wrong_settings_are_reported_in_one_sentence(command: str) -> None:
    arguments = (command, "-") if command == "translate" else (command,)
    ended = Cli({"CONVERTRO_CONCURRENCY": "0", "CONVERTRO_BLIP_SECONDS": "x"})(*arguments)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "CONVERTRO_CONCURRENCY: " in ended.stderr
    assert "CONVERTRO_BLIP_SECONDS: " in ended.stderr


def test_an_invalid_url_is_not_quoted() -> None:
    ended = Cli({"CONVERTRO_REDIS_URL": "redis://:secret@host:port/0"})("status")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_reader_that_stops_reading_is_no_fault(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(jsonl([web_track()] * 5000))
    with cli.start("translate", str(file)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_translate_shows_the_calls_and_goes_on_after_a_bad_line(cli: Cli) -> None:
    lines = jsonl(
        [
            order_completed(
                messageId="m1", properties={"orderId": "o1", "total": 5, "repeat": False}
            ),
            web_identify(messageId="m2", userId=None),
            {"messageId": "m3", "type": 1},
            web_track(messageId="m4", event=""),
        ]
    )
    ended = cli("translate", "-", stdin=f"{lines}\nnonsense\n", CONVERTRO_REDIS_URL="")
    assert ended.returncode == 0
    sent, skipped, invalid, nameless, unreadable = json_lines(ended.stdout)
    (call,) = sent.pop("calls")
    assert sent == {"message_id": "m1", "outcome": "send", "reason": None}
    assert call["body"].items() >= {"event_type": "sale.new", "event_value": 5.0}.items()
    assert (call["method"], call["path"]) == ("POST", "/v1/acme/1234/events")
    assert call["idempotency_key"] == "m1/sale.new"
    assert (skipped["outcome"], skipped["reason"]) == ("skip", "anonymous_identify")
    assert (invalid["message_id"], invalid["reason"]) == ("m3", "invalid_event")
    assert invalid["error"].startswith("line 3: type ")
    assert nameless["error"].startswith("line 4: event ")
    assert unreadable["outcome"] == "invalid"
    assert unreadable["error"].startswith("line 6: event is not JSON")


TWINS = [
    web_identify(messageId="m1"),
    order_completed(messageId="m1", properties={"orderId": "o1", "total": "12k", "revenue": 5}),
    order_completed(messageId="m2", properties={"transaction_id": "t1"}),
]


def test_translate_says_why_for_machines(cli: Cli) -> None:
    ended = cli("translate", "-", "--why", "--json", stdin=f"{jsonl(TWINS)}\nnonsense\n")
    identify, order, skipped, unreadable = json_lines(ended.stdout)
    assert (identify["why"]["platform"], identify["why"]["rule"]) == ("web", "context.library.name")
    assert (identify["why"]["same_id_as"], order["why"]["same_id_as"]) == (None, "line 1")
    assert order["why"]["sources"]["event_value"] == "properties.revenue"
    assert {"field": "properties.total", "because": "unreadable_amount"} in order["why"]["ignored"]
    assert skipped["why"]["ignored"] == [
        {"field": "properties.transaction_id", "because": "likely_order_id"}
    ]
    assert unreadable["why"] is None
    for answer in (identify, order, skipped, unreadable):
        del answer["why"]
    plain = cli("translate", "-", stdin=f"{jsonl(TWINS)}\nnonsense\n").stdout
    assert json_lines(plain) == [identify, order, skipped, unreadable]
    assert cli("translate", "-", "--json", stdin=f"{jsonl(TWINS)}\nnonsense\n").stdout == plain


def test_translate_says_why_for_people(cli: Cli) -> None:
    ended = cli("translate", "-", "--why", stdin=f"{jsonl(TWINS)}\nnonsense\n")
    assert (ended.returncode, ended.stderr) == (0, "")
    blocks = [block.splitlines() for block in ended.stdout.rstrip("\n").split("\n\n")]
    assert [lines[0] for lines in blocks[:3]] == [
        "line 1: sent as TrackUser",
        "line 2: sent as sale",
        "line 3: skipped, missing_order_id",
    ]
    assert blocks[3][0].startswith("line 5: event is not JSON")
    rows = [line.split() for line in blocks[1]]
    assert ["platform", "web", "by", "context.library.name"] in rows
    assert ["event_value", "5", "properties.revenue"] in rows
    assert "  ! properties.total is no amount that can be read" in blocks[1]
    assert blocks[1][-1].startswith("  ! has the id of line 1: ")
    assert blocks[2][-1].startswith("  ! properties.transaction_id may be the order's id")


def test_translate_imports_neither_celery_nor_redis_nor_requests() -> None:
    check = (
        "import sys; from worker.cli import main; sys.argv = ['convertro', 'translate', '-']\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "assert not {'celery', 'kombu', 'redis', 'requests'} & set(sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", check],
        cwd=ROOT,
        input=jsonl([web_track()]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("command", ["translate", "enqueue"])
def test_a_file_that_cannot_be_read_is_a_wrong_argument(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('[{"type": "track"},\n')
    for file in (tmp_path / "none.jsonl", tmp_path, broken):
        ended = cli(command, file)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"convertro: {file}")
        assert len(ended.stderr.splitlines()) == 1


def test_enqueue_accepts_the_good_and_names_the_bad(cli: Cli, filler: Filler) -> None:
    good = [web_track(messageId="m1"), web_track(messageId="m2"), web_track(messageId="m2")]
    lines = jsonl([*good, {"type": "track", "messageId": "x" * 101}, ["no", MARKER]]) + "{\n"
    ended = cli("enqueue", "-", stdin=lines)
    assert ended.returncode == 1
    assert ended.stdout == "accepted 2, duplicates 1, refused 4\n"
    fourth, *fifth, sixth = sorted(ended.stderr.splitlines())
    assert fourth == "line 4: messageId is longer than 100 characters"
    assert fifth == [
        f"line 5, event {number}: event must be a JSON object, not a value of type str"
        for number in (1, 2)
    ]
    assert sixth.startswith("line 6: event is not JSON")
    assert MARKER not in ended.stderr
    assert filler.places("m1", "m2") == ["due", "due"]


def test_enqueue_again_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(jsonl([web_track(messageId=f"m{number}") for number in range(1200)]))
    assert cli.json("enqueue", file) == {"accepted": 1200, "duplicates": 0, "refused": 0}
    assert cli.json("enqueue", file) == {"accepted": 0, "duplicates": 1200, "refused": 0}


def test_three_equal_purchases_without_an_id_are_three_however_often_they_are_enqueued(
    cli: Cli, filler: Filler, tmp_path: Path
) -> None:
    file = tmp_path / "purchases.jsonl"
    purchase = order_completed(messageId=ABSENT, timestamp=ABSENT, originalTimestamp=ABSENT)
    file.write_text(jsonl([purchase, {"batch": [purchase, purchase], "context": {"ip": "::1"}}]))
    assert cli.json("enqueue", file) == {"accepted": 3, "duplicates": 0, "refused": 0}
    assert cli.json("enqueue", file) == {"accepted": 0, "duplicates": 3, "refused": 0}
    shown = json_lines(cli("translate", "--why", "--json", file).stdout)
    assert filler.places(*(answer["message_id"] for answer in shown)) == ["due"] * 3
    assert {answer["why"]["sources"]["message_id"] for answer in shown} == {"digest"}


def test_enqueue_takes_a_batch_apart(cli: Cli, filler: Filler) -> None:
    batch = {"batch": [{"type": "track", "messageId": "m1"}, 5], "context": {"device": {"id": "d"}}}
    ended = cli("enqueue", "-", stdin=jsonl([batch]))
    assert ended.returncode == 1
    assert ended.stderr.startswith("line 1, event 2: event must be a JSON object")
    raw = filler.journal.look("m1").raw
    assert raw is not None
    assert b'"context":{"device":{"id":"d"}}' in raw


@pytest.mark.parametrize("command", ["translate", "enqueue"])
def test_a_file_may_be_gzip_and_says_when_it_is_not_complete(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(jsonl([web_track()]).encode()))
    assert cli(command, file).returncode == 0
    file.write_bytes(file.read_bytes()[:-4])
    ended = cli(command, file)
    assert ended.returncode == 2
    assert f"{file} cannot be read: its gzip data end too early" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_enqueue_says_how_far_it_came_in_a_file_that_is_not_complete(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl.gz"
    events = [web_track(messageId=f"m{number}") for number in range(150)]
    file.write_bytes(gzip.compress(jsonl(events).encode())[:-1])
    ended = cli("enqueue", file)
    assert "100 events are safely in, and repeating the command is safe" in ended.stderr
    assert cli.json("status")["due"] == 100


def test_enqueue_without_redis_says_that_nothing_is_in() -> None:
    ended = Cli({"CONVERTRO_REDIS_URL": "redis://127.0.0.1:1/0"})(
        "enqueue", "-", stdin=jsonl([web_track()])
    )
    assert ended.returncode == 3
    assert "0 events are safely in, and repeating the command is safe" in ended.stderr


def test_enqueue_says_how_far_it_came_when_redis_goes_away() -> None:
    server = embedded_server()
    server.start()
    cli = Cli({"CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{server.port}/0"})
    with cli.start("enqueue", "-") as process:
        feed(process, range(501))
        until(lambda: cli.json("status")["due"] == 500)
        server.stop()
        _, complaint = process.communicate(jsonl([web_track()]))
    assert process.returncode == 3
    assert "500 events are safely in, and repeating the command is safe" in complaint


def test_ctrl_c_says_how_far_enqueue_came(cli: Cli, filler: Filler) -> None:
    with cli.start("enqueue", "-") as process:
        feed(process, range(501))
        until(lambda: filler.journal.snapshot().due_now == 500)
        process.send_signal(signal.SIGINT)
        answer, complaint = process.communicate()
    assert process.returncode == 130
    assert answer == ""
    assert complaint.startswith("convertro: interrupted; 500 events are safely in")
    assert len(complaint.splitlines()) == 1


def test_an_import_at_a_rate_can_be_interrupted_and_repeated(
    cli: Cli, filler: Filler, tmp_path: Path
) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(jsonl([web_track(messageId=f"m{number}") for number in range(300)]))
    with cli.start("enqueue", str(file), "--rate", "10/s") as process:
        until(lambda: filler.journal.snapshot().due_now >= 4)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    taken = filler.journal.snapshot().due_now
    assert taken < 300
    assert complaint.startswith(f"convertro: interrupted; {taken} events are safely in")
    assert cli.json("enqueue", file, "--rate", "1000/s") == {
        "accepted": 300 - taken,
        "duplicates": taken,
        "refused": 0,
    }


def test_enqueue_refuses_an_invalid_rate(cli: Cli) -> None:
    ended = cli("enqueue", "-", "--rate", "0")
    assert ended.returncode == 2
    assert "'0' is not a number of events a second, such as 50/s" in ended.stderr


def test_a_terminal_shows_a_bar(cli: Cli) -> None:
    ours, theirs = pty.openpty()
    with cli.start("enqueue", "-", stderr=theirs) as process:
        os.close(theirs)
        answer, _ = process.communicate(jsonl([web_track()]))
    assert "Enqueuing" in os.read(ours, 10_000).decode()
    os.close(ours)
    assert answer == "accepted 1, duplicates 0, refused 0\n"


def feed(process: "subprocess.Popen[str]", numbers: range) -> None:
    """Write events, but leave the pipe open."""
    assert process.stdin is not None
    process.stdin.write(jsonl([web_track(messageId=f"m{number}") for number in numbers]))
    process.stdin.flush()


@pytest.mark.parametrize("command", ["exporter", "collector"])
def test_an_invalid_host_name_is_reported_in_a_sentence(cli: Cli, command: str) -> None:
    ended = cli(command, "--host", "a..b", "--port", "0", CONVERTRO_WRITE_KEYS="key")
    assert ended.returncode == 2
    assert ended.stderr == "convertro: cannot listen on a..b:0: this is no host name\n"
