"""The table of commands agrees with the commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from worker.cli.program import COMMANDS, DEAD_COMMANDS, LIST_COMMANDS, Entry, LazyCommand
from worker.cli.terminal.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[3]

OWN = {
    **{name: entry for name, entry in COMMANDS.items() if ".cli." in entry.target},
    **{f"list {name}": entry for name, entry in LIST_COMMANDS.items()},
    **{f"dead {name}": entry for name, entry in DEAD_COMMANDS.items()},
}


EVERY = {**COMMANDS, **OWN}


@pytest.mark.parametrize(("name", "entry"), OWN.items(), ids=OWN)
def test_every_command_can_be_loaded(name: str, entry: Entry) -> None:
    assert LazyCommand(name, entry).load().help


@pytest.mark.parametrize(("name", "entry"), EVERY.items(), ids=EVERY)
def test_help_names_exit_codes_that_exist(name: str, entry: Entry) -> None:
    told = LazyCommand(name, entry).load().help.partition("Exit codes:")[2]
    named = [int(code) for code in re.findall(r"(?:^|[,;])\s*(\d+) ", told)]
    assert named == sorted({*named} & {*ExitCode}), f"{name}: unknown, twice, or out of order"
    assert not told or named[0] == ExitCode.DONE


def test_the_list_of_commands_is_quick_because_it_imports_none() -> None:
    heavy = {"pydantic", "rich", "structlog", "redis", "celery", "requests", "aiohttp"}
    check = f"import sys; import worker.cli; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", ["no_such_package.toys", "worker.no_such_module"])
def test_a_missing_module_that_belongs_to_no_extra_is_a_fault(module: str) -> None:
    command = LazyCommand("sandbox", Entry(f"{module}:sandbox", ""))
    with pytest.raises(ModuleNotFoundError):
        command.make_context("sandbox", [])


def run_in_shell(redirection: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    script = f'exec "$@" {redirection}'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "worker.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments", [("schedule",), ("schedule", "--json"), ("dead", "list"), ("--help",), ()]
)
def test_a_closed_output_is_reported_in_a_sentence(arguments: tuple[str, ...]) -> None:
    ended = run_in_shell(">&-", *arguments)
    assert ended.returncode == ExitCode.USAGE
    assert ended.stderr == "convertro: standard output is closed\n"


@pytest.mark.parametrize("arguments", [("schedule",), ("--help",), ("--version",)])
def test_a_full_output_is_reported_in_a_sentence(arguments: tuple[str, ...]) -> None:
    ended = run_in_shell(">/dev/full", *arguments)
    assert ended.returncode == ExitCode.USAGE
    assert ended.stderr == "convertro: output: No space left on device\n"


def test_a_closed_input_is_empty() -> None:
    ended = run_in_shell("<&-", "translate", "-")
    empty = run_in_shell("</dev/null", "translate", "-")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        (empty.returncode, empty.stdout, empty.stderr)
    )
    assert "Traceback" not in ended.stderr


def test_standard_error_may_be_closed() -> None:
    ended = run_in_shell("2>&-", "schedule", "--no-such-option")
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, "")
