"""A seeded sample of mutants of the journal's scripts.

    python -m tests.mutation.lua --seed 1 --number 100

No maintained tool mutates Lua, so this module does: it changes one operator, number or truth value,
or leaves out a statement. The fast tests run first, and the slow ones on mutants that survive them.
"""

import argparse
import random
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  copies are paths

from tests.mutation.copies import ROOT, copy, passes

FOLDERS = ("client/convertro/lua", "worker/journal/lua")
FAST = ("tests/unit/journal", "tests/unit/process/test_ticker.py", "tests/unit/exporter")
SLOW = (
    "tests/functional/journal/test_real_server.py",
    "tests/functional/cli/test_dead.py",
    "tests/functional/cli/test_erase.py",
)

#: The possible results for a mutant.
KILLED, SLOWLY, SURVIVES = "killed", "killed by the slow tests alone", "survives"

#: What a mutant replaces by what.
SWAPS = {
    "==": "~=",
    "~=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    " and ": " or ",
    " or ": " and ",
    " + ": " - ",
    " - ": " + ",
    " * ": " / ",
    "true": "false",
    "false": "true",
    "not ": "",
}
SWAPPED = re.compile("|".join(re.escape(text) for text in sorted(SWAPS, key=len, reverse=True)))
NUMBER = re.compile(r"(?<![\w.\[%])\d+(?![\w.\]])")

#: A statement that can be left out.
STATEMENT = re.compile(r"\s*(redis\.call\(.*\)|[a-z_]+\(.*\)|[a-z_.]+ = .*)$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one line."""

    path: str
    line: int
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.was.strip()}  →  {self.now.strip() or '(left out)'}"


def mutants() -> Iterator[Mutant]:
    """Every possible mutant."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.lua")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines, start=1):
                for now in _changes(line):
                    yield Mutant(str(path.relative_to(ROOT)), number, line, now)


def _changes(line: str) -> Iterator[str]:
    code = _blanked(line)
    for found in SWAPPED.finditer(code):
        yield line[: found.start()] + SWAPS[found[0]] + line[found.end() :]
    for found in NUMBER.finditer(code):
        yield line[: found.start()] + str(int(found[0]) + 1) + line[found.end() :]
    if STATEMENT.match(code) and not code.strip().startswith(("local", "return")):
        yield ""


def _blanked(line: str) -> str:
    """A line with strings and comments replaced by blanks of the same length."""
    line = re.sub(r"'[^']*'", lambda text: "'" + "_" * (len(text[0]) - 2) + "'", line)
    return re.sub(r"--.*", lambda comment: " " * len(comment[0]), line)


def survives(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether no test notices a mutant."""
    with copy() as folder:
        path: Path = folder / mutant.path
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[mutant.line - 1] = mutant.now
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return passes(folder, tests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    known = list(mutants())
    sample = random.Random(args.seed).sample(known, min(args.number, len(known)))
    print(f"seed {args.seed}: {len(sample)} of {len(known):,} mutants", flush=True)
    with ThreadPoolExecutor(args.processes) as pool:
        survivors = list(pool.map(_tried, sample))
    print(f"{survivors.count(SURVIVES)} survive, {survivors.count(SLOWLY)} {SLOWLY}")


def _tried(mutant: Mutant) -> str:
    """Try a mutant, print its result at once, and return it."""
    fate = KILLED
    if survives(mutant, FAST):
        fate = SURVIVES if survives(mutant, SLOW) else SLOWLY
    print(f"{fate}  {mutant}", flush=True)
    return fate


if __name__ == "__main__":
    main()
