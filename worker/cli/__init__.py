"""The command `convertro`, for operators."""

from worker.cli.program import main

__all__ = ["main"]
