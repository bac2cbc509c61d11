"""A seeded sample of mutants of the modules that call themselves pure, made by cosmic-ray.

python -m tests.mutation.pure --seed 1 --number 60
"""

import argparse
import ast
import random
import re
import subprocess
import sys
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

from tests.mutation.copies import LONGEST_SECONDS, copy

#: The tests that run against each mutant.
TESTS = "tests/unit tests/contract"

CONFIG = """\
[cosmic-ray]
module-path = {modules}
timeout = {timeout}
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


def pure_modules(folder: Path) -> list[str]:
    """The modules of a copy whose docstrings say that they are pure."""
    return [
        str(path.relative_to(folder))
        for package in ("client", "worker")
        for path in sorted((folder / package).rglob("*.py"))
        if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text())) or "")
    ]


def keep_a_sample(database: WorkDB, seed: int, number: int) -> int:
    """Skip all mutants but a sample; return the number of all."""
    items = sorted(database.work_items, key=lambda item: str(item.mutations))
    chosen = {item.job_id for item in random.Random(seed).sample(items, min(number, len(items)))}
    skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED, output="not in the sample")
    for item in items:
        if item.job_id not in chosen:
            database.set_result(item.job_id, skipped)
    return len(items)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=60)
    args = parser.parse_args()
    with copy() as folder:
        command = (
            f"env PYTHONPATH={folder}:{folder}/client {sys.executable} -m pytest -x -q {TESTS}"
        )
        config, session = folder / "cosmic-ray.toml", folder / "session.sqlite"
        config.write_text(
            CONFIG.format(modules=pure_modules(folder), timeout=LONGEST_SECONDS, command=command)
        )
        tool = str(Path(sys.executable).with_name("cosmic-ray"))
        subprocess.run([tool, "init", str(config), str(session)], cwd=folder, check=True)
        with use_db(session, mode=WorkDB.Mode.open) as database:
            known = keep_a_sample(database, args.seed, args.number)
        subprocess.run([tool, "exec", str(config), str(session)], cwd=folder, check=True)
        with use_db(session, mode=WorkDB.Mode.open) as database:
            items = {item.job_id: item for item in database.work_items}
            results = {items[name]: result for name, result in database.results}
        tried = {
            item: result
            for item, result in results.items()
            if result.worker_outcome is not WorkerOutcome.SKIPPED
        }
        survivors = {
            item: result
            for item, result in tried.items()
            if result.test_outcome is TestOutcome.SURVIVED
        }
        print(f"seed {args.seed}: {len(tried)} of {known:,} mutants, {len(survivors)} survive")
        for item, result in survivors.items():
            for mutation in item.mutations:
                print(f"{mutation.module_path}:{mutation.start_pos[0]} {mutation.operator_name}")
            print(result.diff or "")


if __name__ == "__main__":
    main()
