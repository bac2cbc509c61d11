"""Benchmarks are run rarely; that they still fit the code shows when they are imported."""

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

#: They draw with what only `make figures` and `make soak` install.
DRAWING = {"report", "report_pictures", "soak"}

MODULES = sorted({path.stem for path in BENCHMARKS.glob("[a-z]*.py")} - DRAWING)


@pytest.mark.parametrize("module", MODULES)
def test_each_can_be_imported(module: str) -> None:
    import_module(f"benchmarks.{module}")
