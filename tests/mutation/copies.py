"""Copies of the project in which mutants live, each with tests of its own running."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("client", "config", "tasks", "tests", "worker", "docs", "monitoring")
FILES = ("pyproject.toml", ".env.example", "README.md")

#: A mutant that loops for ever is killed by this.
LONGEST_SECONDS = 600


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the project, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, path / part, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, path / name)
        yield path


def passes(path: Path, tests: Sequence[str]) -> bool:
    """Whether all these tests pass in a copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{path}:{path / 'client'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        ended = subprocess.run(
            command,
            cwd=path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0
