"""Each of our commands that pages or messages show can be pasted."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.cli.program import LazyCommand
from worker.cli.write_reference import every_command

ROOT = Path(__file__).resolve().parents[2]

COMMANDS = dict(every_command())

#: Text that only names a command, or the program's own option.
NAMES = {"convertro --version", *(f"convertro {name}" for name in COMMANDS)}

#: Text between backticks, on one line or two.
CODE = re.compile(r"`([^`]+)`")

#: A command in a block of code.
BLOCK = re.compile(r"^(?: {4,}|\$ )(?:\w+=\S+ )*(convertro .+)$", re.MULTILINE)

#: Shell syntax or a comment, at which a command ends.
SHELL = re.compile(r" +[|#>&<;].*")

#: The pages by hand that show commands; docs/cli.md is made of the commands themselves.
PAGES = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")) if path.name != "cli.md"]


def sentences_of(path: Path) -> Iterator[str]:
    """The texts of a module; `rejected`, a reason, stands for each value put into them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else None for part in node.values)
            yield "".join("rejected" if part is None else str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def shown_code() -> Iterator[str]:
    for page in PAGES:
        text = page.read_text()
        yield from BLOCK.findall(text)
        inline = CODE.findall(text.replace("```", ""))
        yield from (code for code in inline if code.startswith("convertro ") and code not in NAMES)
    yield from CODE.findall((ROOT / "monitoring" / "alerts.yml").read_text())
    for module in ("problems", "refusal", "health"):
        for sentence in sentences_of(ROOT / "worker" / "status" / f"{module}.py"):
            yield from CODE.findall(sentence)


def shown_commands() -> list[str]:
    lines = {SHELL.sub("", " ".join(code.split())) for code in shown_code()}
    beginnings = {"convertro", *(name.partition(" ")[0] for name in COMMANDS)}
    return sorted(line for line in lines if " " in line and line.partition(" ")[0] in beginnings)


@pytest.mark.parametrize("line", shown_commands())
def test_a_command_that_is_shown_can_be_pasted(line: str) -> None:
    program, *words = shlex.split(line)
    assert program == "convertro"
    name = next(name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS)
    command = LazyCommand(name, COMMANDS[name]).load()
    command.make_context(name, words[len(name.split()) :])  # raises if the command is wrong
