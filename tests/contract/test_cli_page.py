"""docs/cli.md holds the program's help."""

import subprocess
import sys

import pytest

from worker.cli.program import Entry, LazyCommand
from worker.cli.write_reference import PAGE, cli_page, every_command

COMMANDS = dict(every_command())


def test_the_page_is_the_help_of_every_command() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run `make reference`"


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_help_in_the_page_is_what_the_program_prints(columns: str) -> None:
    command = [sys.executable, "-m", "worker.cli", "dead", "list", "--help"]
    environment = {"COLUMNS": columns, "LC_ALL": "C.UTF-8"}
    printed = subprocess.run(
        command, cwd=PAGE.parents[1], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert f"\n## `convertro dead list`\n\n```\n{printed}```\n" in cli_page()


@pytest.mark.parametrize(("name", "entry"), COMMANDS.items(), ids=COMMANDS)
def test_an_example_can_be_copied_because_it_is_one_line(name: str, entry: Entry) -> None:
    page = PAGE.read_text(encoding="utf-8")
    paragraphs = LazyCommand(name, entry).load().help.split("\n\n")
    examples = [" ".join(part.split()) for part in paragraphs if part.startswith("Example:")]
    assert examples
    assert [example for example in examples if f"\n  {example}\n" not in page] == []
