"""The look and feel of the command line: completion, errors, widths, colours, the version."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.support.cli_process import ASCII_LOCALE, PATIENCE_SECONDS, ROOT, Cli, Filler, attempt
from worker.journal.records import Move

#: An attempt with a long answer.
SLOW = attempt(detail="connection_lost", took_ms=12_500, said="unknown word " * 20)

#: Characters that a terminal obeys instead of showing them.
ESCAPE = re.compile(rb"\x1b\[([0-9;?]*)([A-Za-z])")

#: Characters that change the direction of text, or are not shown.
EVIL = "\u202eevil\u2066\u200b"

LISTINGS = (
    ("dead", "list"),
    ("dead", "list", "--by", "reason,event,answer"),
    ("list", "waiting"),
    ("dead", "show", "evt-1"),
    ("status",),
    ("schedule",),
    ("preflight",),
)

#: The last line of `status --watch` on a terminal that is too short.
END_OF_SCREEN = b" needs "

#: A bash script that prints the completions for the words after `convertro`, one a line.
COMPLETE = """
eval "$(convertro --show-completion)"
COMP_WORDS=(convertro "$@"); COMP_CWORD=$#
"$(complete -p convertro | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" convertro
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed_by_bash(*words: str) -> list[str]:
    """The completions that a real bash offers for the last word."""
    program = Path(sys.executable).parent
    ended = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", *words],
        env={"PATH": f"{program}:{os.environ['PATH']}", "SHELL": "/bin/bash"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("de",), ["dead", "demo"]),
        (("dead", "re"), ["redrive"]),
        (("list", ""), ["waiting"]),
        (("dead", "list", "--n"), ["--newest"]),
        (("dead", "redrive", "--re"), ["--reason", "--reveal"]),
        (("dead", "list", "--class", "amb"), ["ambiguous"]),
        (("status", "--js"), ["--json"]),
    ],
    ids=str,
)
def test_bash_completes_commands_and_their_options(
    words: tuple[str, ...], offered: list[str]
) -> None:
    assert sorted(completed_by_bash(*words)) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_way(cli: Cli, shell: str) -> None:
    asked = {
        "_CONVERTRO_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "convertro dead redrive --re",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    assert "--reason" in cli(**asked).stdout


def test_names_are_completed_without_the_libraries() -> None:
    """The tab key must be answered at once."""
    check = (
        "import sys; from worker.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "assert not {'celery', 'redis', 'pydantic_settings', 'structlog'} & set(sys.modules)"
    )
    asked = {
        "_CONVERTRO_COMPLETE": "complete_bash",
        "COMP_WORDS": "convertro dead re",
        "COMP_CWORD": "2",
    }
    answer = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, env=asked, capture_output=True, check=False
    )
    assert (answer.stdout, answer.stderr) == (b"redrive\n", b"")


def modules_after(cli: Cli, *words: str) -> set[str]:
    """The modules that a command loaded."""
    check = (
        "import sys; from worker.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*{name.partition('.')[0] for name in sys.modules}, "
        "file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", check, *words],
        cwd=ROOT,
        env=cli.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return set(ended.stderr.split())


def test_a_liveness_probe_loads_the_redis_client_and_nothing_else_that_is_slow(
    cli: Cli, filler: Filler
) -> None:
    filler.tick()
    loaded = modules_after(cli, "health", "--live", "--all")
    assert "redis" in loaded
    assert not {"celery", "kombu", "pydantic", "requests", "rich", "structlog"} & loaded


@pytest.mark.parametrize("command", [("status",), ("show", "evt-1"), ("dead", "list")])
def test_a_command_that_looks_loads_neither_celery_nor_what_it_would_log_with(
    cli: Cli, command: tuple[str, ...]
) -> None:
    loaded = modules_after(cli, *command)
    assert {"redis", "pydantic"} <= loaded
    assert not {"celery", "kombu", "requests", "structlog"} & loaded


def test_what_a_command_logs_all_the_same_has_the_usual_form(cli: Cli) -> None:
    check = (
        "import logging, sys\n"
        "from config.settings import Settings\n"
        "from worker.cli.terminal.late_logs import configure_logs_late\n"
        "configure_logs_late(Settings())\n"
        "assert 'structlog' not in sys.modules\n"
        "logging.getLogger('redis').info('too much')\n"
        "for number in (1, 2): logging.getLogger('x').warning('It %s.', 'failed', "
        "extra={'action': f'test_{number}'})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", check],
        cwd=ROOT,
        env=cli.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["action"] for line in lines] == ["test_1", "test_2"]
    assert lines[0]["event"] == "It failed."


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("stats",), "No such command 'stats'. Did you mean 'status'?"),
        (("dead", "redriv"), "No such command 'redriv'. Did you mean 'redrive'?"),
        (("status", "--jsn"), "No such option: --jsn (Possible options: --json)"),
        (("dead", "list", "--since", "soon"), "Invalid value for '--since': "),
    ],
    ids=str,
)
def test_a_misspelt_word_is_answered_with_a_suggestion(
    cli: Cli, words: tuple[str, ...], says: str
) -> None:
    ended = cli(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {says}")


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_listings_fit_the_width(
    cli: Cli, filler: Filler, command: tuple[str, ...], columns: int
) -> None:
    filler.finish(Move.POSTPONED, "later-" + "x" * 90, delay_ms=3_500_000, attempts=[SLOW])
    filler.bury("evt-1", "long-" + "x" * 90, attempts=[SLOW])
    told = cli(*command, COLUMNS=str(columns), CONVERTRO_KEY_PREFIX=filler.prefix)
    assert told.stderr == ""
    assert max(map(len, told.stdout.splitlines())) <= columns


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", [("dead", "list"), ("list", "waiting")], ids=" ".join)
def test_no_list_is_so_narrow_that_it_shows_no_ids(
    cli: Cli, filler: Filler, command: tuple[str, ...], columns: int
) -> None:
    filler.finish(Move.POSTPONED, "evt-1", delay_ms=3_500_000, attempts=[SLOW])
    filler.bury("evt-2", attempts=[SLOW], reason="missing_device_id")
    shown = {("dead", "list"): "evt-2", ("list", "waiting"): "evt-1"}[command]
    assert shown in cli(*command, COLUMNS=str(columns)).stdout


@pytest.mark.parametrize("command", [("dead", "list"), ("list", "waiting")], ids=" ".join)
def test_an_id_as_the_libraries_make_them_can_be_copied(
    cli: Cli, filler: Filler, command: tuple[str, ...]
) -> None:
    waiting, dead = "9c65c288-d8a9-47a4-aeb3-1fe208b496d7", "953ffc66-ab0b-4eee-a4e5-407c13133b10"
    filler.finish(Move.POSTPONED, waiting, delay_ms=3_500_000, attempts=[SLOW])
    filler.bury(dead, attempts=[SLOW], reason="retries_exhausted")
    shown = {("dead", "list"): dead, ("list", "waiting"): waiting}[command]
    assert shown in cli(*command).stdout


def seen_on_a_terminal(
    cli: Cli, *command: str, keys: bytes = b"", lines: int = 24, **environment: str
) -> bytes:
    """Run a command on a terminal of 80 columns, and return what it sends to it.

    Args:
        cli: Runs the command.
        command: The command's arguments.
        keys: The keys to press once the command has drawn.
        lines: The terminal's height, in lines.
        environment: Further variables.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", *command],
        cwd=ROOT,
        env=cli.environment(**environment),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65_536):
            seen += part
            # Keys pressed before the command listens would be echoed; once it has drawn it listens.
            if keys and END_OF_SCREEN in seen:
                os.write(ours, keys)
                keys = b""
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait()
    return seen


@pytest.mark.parametrize("command", [("preflight",), ("dead", "redrive", "--all")], ids=" ".join)
def test_a_dumb_terminal_is_sent_nothing_to_obey(
    cli: Cli, filler: Filler, command: tuple[str, ...]
) -> None:
    filler.bury("evt-1")
    seen = seen_on_a_terminal(cli, *command, TERM="dumb")
    assert b"\x1b" not in seen
    assert not seen.startswith(b"\r\n")


def test_no_color_means_no_colour(cli: Cli, filler: Filler) -> None:
    filler.bury("evt-1")
    for command in (("preflight",), ("dead", "redrive", "--all")):
        seen = seen_on_a_terminal(cli, *command, TERM="xterm", NO_COLOR="1")
        styles = {number for number, kind in ESCAPE.findall(seen) if kind == b"m"}
        assert styles <= {b"0", b"1", b"2"}, "bold and dim are no colours"


def text_on_a_terminal(cli: Cli, *command: str, lines: int) -> list[str]:
    """The lines that a command leaves on a terminal, without colours."""
    seen = seen_on_a_terminal(cli, *command, lines=lines, TERM="xterm")
    return ESCAPE.sub(b"", seen).decode().splitlines()


@pytest.mark.parametrize(("lines", "again"), [(24, True), (60, False)])
def test_the_state_is_the_last_line_too_if_the_first_one_has_left_the_terminal(
    cli: Cli, filler: Filler, lines: int, again: bool
) -> None:
    filler.bury("evt-1", "evt-2", reason="poison")
    shown = text_on_a_terminal(cli, "status", lines=lines)
    assert (len(shown) > 24, shown[0]) == (True, "idle: nothing is due, 1 worker")
    assert (shown[-1] == shown[0]) is again
    assert shown.count(shown[0]) == 1 + again
    piped = cli("status").stdout.splitlines()
    assert piped.count(shown[0]) == 1


def test_watching_fits_the_terminal_says_what_does_not_and_ends_with_q(
    cli: Cli, filler: Filler
) -> None:
    filler.bury("evt-1", "evt-2", reason="poison")
    seen = seen_on_a_terminal(cli, "status", "--watch", "--every", "60", keys=b"xQ", TERM="xterm")
    shown = [line.rstrip() for line in ESCAPE.sub(b"", seen).decode().splitlines()]
    assert "Ctrl-C ends this" in shown[0]
    assert "idle: nothing is due, 1 worker" in shown
    (note,) = [line for line in shown if line.startswith("no room for ")]
    assert re.fullmatch(r"no room for [\w, ]+: all of it needs \d\d lines", note)
    assert len(shown) <= 24 + 1


def test_watching_gives_the_terminal_back_if_it_is_asked_to_end(cli: Cli) -> None:
    """As by `timeout 60 convertro status --watch`."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", "status", "--watch", "--every", "60"],
        cwd=ROOT,
        env=cli.environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
    )
    seen = b""
    while b"Ctrl-C ends this" not in seen:
        seen += os.read(ours, 65_536)
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert termios.tcgetattr(theirs) == before
    while b"\x1b[?1049l" not in seen:  # the sequence that restores the screen
        seen += os.read(ours, 65_536)
    os.close(ours)
    os.close(theirs)


def test_an_error_breaks_between_words_and_never_within_a_command(cli: Cli) -> None:
    shown = text_on_a_terminal(cli, "dead", "redrive", "--all", "--diff", "--canary", "3", lines=24)
    assert shown[0].startswith("convertro: --diff sends nothing, so leave out")
    gone = Cli({**cli.settings, "CONVERTRO_REDIS_URL": "redis://127.0.0.1:1"})
    shown = text_on_a_terminal(gone, "audit", lines=24)
    assert len(shown) > 1
    assert " ".join(shown) + "\n" == gone("audit").stderr


def test_the_version_is_that_of_the_project(cli: Cli) -> None:
    version = re.search('^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert cli("--version").stdout == f"convertro {version[1]}\n"


@pytest.mark.parametrize(
    "command",
    [
        ("show", EVIL),
        ("dead", "list", "--reason", EVIL),
        ("dead", "show", EVIL),
        ("dead", "redrive", EVIL),
        ("dead", "discard", EVIL, "--yes"),
        ("dead", "export", EVIL, "--output", f"/dev/fd/2{EVIL}"),
        ("translate", EVIL),
        ("enqueue", EVIL),
        ("pause", "--reason", EVIL),
        ("exporter", "--host", EVIL),
        ("exporter", "--port", EVIL),
        ("dead", "list", "--class", EVIL),
        ("dead", "list", "--since", EVIL),
        ("show", "evt-1", EVIL),
        ("show", f"--{EVIL}"),
        ("dead", f"--{EVIL}"),
        ("dead", EVIL),
        (f"--{EVIL}",),
        (EVIL,),
    ],
    ids=lambda command: ascii(" ".join(command)).replace(ascii(EVIL)[1:-1], "EVIL"),
)
def test_what_a_command_was_given_is_escaped_where_it_is_repeated(
    cli: Cli, command: tuple[str, ...]
) -> None:
    ended = cli(*command)
    assert (ended.stdout + ended.stderr).replace("\n", "").isprintable()
    assert "Traceback" not in ended.stderr


def test_in_an_ascii_locale_words_and_files_are_what_they_are_elsewhere(
    cli: Cli, filler: Filler, tmp_path: Path
) -> None:
    node = "celery@ä"
    for command in (("health", "--live", "--worker", node), ("forget", node)):
        filler.journal.tick(f"{node}/1-aaaa", 1, [])
        ended = cli(*command, **ASCII_LOCALE)
        assert re.search(r"celery@(?:ä|\\xe4)", ended.stdout + ended.stderr), ended
    filler.bury("é-登")
    file, written = tmp_path / "ü.jsonl", tmp_path / "登.jsonl"
    file.write_text('{"type": "identify", "messageId": "登", "userId": "登"}\n')
    for command in (
        ("dead", "show", "é-登"),
        ("dead", "export", "é-登", "--output", written),
        ("pause", "--reason", "ü"),
        ("translate", file),
        ("enqueue", file),
        ("erase", "--user-id", "登", "--yes"),
    ):
        ended = cli(*command, **ASCII_LOCALE)
        assert ended.returncode == 0, (command, ended.stderr)
    snapshot = filler.journal.snapshot()
    assert snapshot.pause is not None
    assert snapshot.pause.reason == "ü"
    assert (filler.places("登"), written.exists()) == (["unknown"], True)


def test_what_is_not_utf_8_is_no_id(cli: Cli) -> None:
    for locale in ({}, ASCII_LOCALE):
        assert "is not UTF-8" in cli("show", "\udcff", **locale).stderr
