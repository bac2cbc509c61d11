"""Copies of the project for mutants, in each of which tests run separately."""

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

#: How long tests may run with a mutant, in seconds: one that loops for ever counts as noticed.
LONGEST_SECONDS = 600


@contextmanager
def copy() -> Iterator[Path]:
    """Make a copy of the project for the time of the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, path / part, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, path / name)
        yield path


def passes(path: Path, tests: Sequence[str]) -> bool:
    """Whether some tests all pass in a copy."""
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
