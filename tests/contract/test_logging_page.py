"""`docs/logging.md` lists every action that the sources log, with its levels, and no other."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

ROOT = Path(__file__).resolve().parents[2]

SOURCES = [path for name in ("config", "tasks", "worker") for path in (ROOT / name).rglob("*.py")]

#: A row of the page's table: the action and its levels.
ROW = re.compile(r"^\| `(\w+)` \| ([A-Z, ]+) \|", re.MULTILINE)

LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}

Told = dict[str, set[str]]


def page_actions() -> Told:
    rows = ROW.findall((ROOT / "docs" / "logging.md").read_text())
    assert len(rows) == len({action for action, _ in rows}), "an action is listed twice"
    return {action: {level.lower() for level in levels.split(", ")} for action, levels in rows}


def source_actions() -> Told:
    told: Told = defaultdict(set)
    for path in SOURCES:
        for action, level in logged(ast.parse(path.read_text())):
            told[action].add(level)
    return dict(told)


def logged(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Each action that a module logs, with a level."""
    sentences = sentence_keys(module)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            yield from logged_by(node, sentences)


def sentence_keys(module: ast.Module) -> set[str]:
    """The keys of its table of sentences."""
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SENTENCES":
            assert isinstance(node.value, ast.Dict)
            return {ast.literal_eval(key) for key in node.value.keys if key is not None}
    return set()


def logged_by(function: ast.FunctionDef, sentences: set[str]) -> Iterator[tuple[str, str]]:
    """The same for a function: `log.info(…, action="…")`, or `say` and `action` set before."""
    assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    pairs = [node.value for node in assigned if ast.unparse(node.targets[0]) == "(say, action)"]
    fixed = {ast.literal_eval(pair.elts[1]) for pair in pairs if is_fixed(pair)}  # type: ignore[attr-defined]
    for pair in pairs:
        for action in names(pair.elts[1], sentences - fixed):  # type: ignore[attr-defined]
            yield from ((action, level) for level in levels_in(pair.elts[0]))  # type: ignore[attr-defined]
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or not (levels := levels_of(call, assigned)):
            continue
        action_node = next(word.value for word in call.keywords if word.arg == "action")
        if ast.unparse(action_node) == "action":
            before = [node for node in assigned if node.lineno < call.lineno]
            action_node = last_value(before, "action")
        for action in names(action_node, sentences):
            yield from ((action, level) for level in levels)


def is_fixed(pair: ast.expr) -> bool:
    return isinstance(pair, ast.Tuple) and isinstance(pair.elts[1], ast.Constant)


def levels_of(call: ast.Call, assigned: list[ast.Assign]) -> set[str]:
    """The levels at which a call logs; none if it does not, or as pairs say."""
    if ast.unparse(call.func) == "say":
        values = [node.value for node in assigned if ast.unparse(node.targets[0]) == "say"]
        return set().union(*map(levels_in, values)) if values else set()
    return levels_in(call.func)


def levels_in(expression: ast.expr) -> set[str]:
    """The methods of `log` that an expression names, outside of calls."""
    if isinstance(expression, ast.Call):
        return set()
    return {
        node.attr
        for node in ast.walk(expression)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) == "log"
        and node.attr in LEVELS
    }


def last_value(assigned: list[ast.Assign], name: str) -> ast.expr:
    values = [node for node in assigned if ast.unparse(node.targets[0]) == name]
    return max(values, key=lambda node: node.lineno).value


def names(action: ast.expr, sentences: set[str]) -> set[str]:
    """What an action may be called: one name, or all keys that fit an f-string."""
    if isinstance(action, ast.Constant):
        return {str(action.value)}
    assert isinstance(action, ast.JoinedStr), ast.unparse(action)
    pattern = "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+"
        for part in action.values
    )
    found = {key for key in sentences if re.fullmatch(pattern, key)}
    assert found, f"SENTENCES has nothing like {pattern}"
    return found


def test_the_page_lists_exactly_what_is_logged() -> None:
    assert page_actions() == source_actions()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_has_an_action_that_is_logged(path: Path) -> None:
    module = ast.parse(path.read_text())
    actions = {action for action, _ in logged(module)}
    if "SENTENCES[action]" in path.read_text():
        assert sentence_keys(module) <= actions


DIRECTLY = 'log.info("Hm.", action="a")'

BY_CHOICE = """
say = log.error if urgent else log.info
say("Hm.", action="a")
"""

BY_PAIRS = """
if fine:
    say, action = log.info, "a_b"
else:
    say, action = log.debug, f"a_{move}"
say(SENTENCES[action], action=action)
"""

BY_NAME = """
action = f"{what}_b"
log.info("Hm.", action=action)
action = "d"
log.error("Hm.", action=action)
"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (DIRECTLY, {("a", "info")}),
        (BY_CHOICE, {("a", "error"), ("a", "info")}),
        (BY_PAIRS, {("a_b", "info"), ("a_c", "debug")}),
        (BY_NAME, {("a_b", "info"), ("d", "error")}),
    ],
)
def test_actions_are_found_however_they_are_written(
    source: str, told: set[tuple[str, str]]
) -> None:
    body = indent(source, "    ")
    module = ast.parse(f'SENTENCES = {{"a_b": "", "a_c": ""}}\ndef function():\n{body}\n')
    assert set(logged(module)) == told
