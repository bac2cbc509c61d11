"""The code logs what `worker/log_actions.py` lists: actions, their levels and their fields."""

import ast
import re
from collections.abc import Iterator
from logging import getLevelNamesMapping
from pathlib import Path

import pytest

from worker.log_actions import LogAction

ROOT = Path(__file__).resolve().parents[2]

SOURCES = [path for name in ("config", "tasks", "worker") for path in (ROOT / name).rglob("*.py")]

LEVELS = getLevelNamesMapping()

#: The logger's methods.
METHODS = {"log", "exception", *map(str.lower, LEVELS)}


def calls_of(path: Path) -> Iterator[ast.Call]:
    """The calls of a module's logger, whose name is `log`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in METHODS
            and ast.unparse(node.func.value) == "log"
        ):
            yield node


CALLS = [
    pytest.param(call, id=f"{path.relative_to(ROOT)}:{call.lineno}")
    for path in SOURCES
    for call in calls_of(path)
]


def action_in(call: ast.Call) -> str:
    """The expression for a call's action; lines without an action are not considered."""
    return next(ast.unparse(word.value) for word in call.keywords if word.arg == "action")


def levels_in(call: ast.Call) -> set[str]:
    """The levels that a call may use."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "log":
        return {call.func.attr.upper()}
    return {node.id for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)} & {*LEVELS}


def fields_in(call: ast.Call) -> set[str]:
    """The further fields of a call's line; a traceback's field has another name in the line."""
    names = {str(word.arg) for word in call.keywords} - {"action"}
    return {"exception" if name == "exc_info" else name for name in names}


#: The calls that name an action themselves, by action.
NAMED: dict[LogAction, list[ast.Call]] = {}
for one in CALLS:
    (logged,) = one.values
    if action_in(logged).startswith("LogAction."):
        NAMED.setdefault(LogAction[action_in(logged).partition(".")[2]], []).append(logged)

#: How often the sources name each action, in calls or elsewhere.
WRITTEN = [
    name for path in SOURCES for name in re.findall(r"LogAction\.([A-Z_]+)", path.read_text())
]


def test_every_action_is_used() -> None:
    assert {*WRITTEN} == {action.name for action in LogAction}


def test_there_is_no_logger_of_another_name() -> None:
    made = {line for path in SOURCES for line in re.findall(r".*get_logger\(.*", path.read_text())}
    assert made == {"log = structlog.stdlib.get_logger(__name__)"}


@pytest.mark.parametrize("call", CALLS)
def test_a_line_has_one_of_the_actions(call: ast.Call) -> None:
    action = action_in(call)
    if not action.startswith("LogAction."):
        assert ast.unparse(call.args[0]) == f"{action}.level"


@pytest.mark.parametrize("action", [action for action in LogAction if action in NAMED])
def test_an_action_has_the_listed_levels_and_fields(action: LogAction) -> None:
    levels = set().union(*map(levels_in, NAMED[action]))
    fields = set().union(*map(fields_in, NAMED[action]))
    if WRITTEN.count(action.name) == len(NAMED[action]):
        assert (levels, fields) == (set(action.levels), set(action.fields))
    else:  # other code chooses the action too, with further fields
        assert levels <= set(action.levels)
        assert fields <= set(action.fields)


def test_every_kind_of_refusal_of_the_collector_is_listed() -> None:
    answers = (ROOT / "worker" / "collector" / "answers.py").read_text()
    kinds = set(re.findall(r"refusal\(\s*\d+,\s*\"(\w+)\"", answers))
    assert len(kinds) > 5
    answered_without_a_line = {"bad_request", "failed"}
    listed = set(re.findall(r"`(\w+)`", LogAction.COLLECTOR_REFUSED.meaning))
    assert listed == kinds - answered_without_a_line
