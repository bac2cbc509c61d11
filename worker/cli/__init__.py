"""The command `convertro`: what an operator sees and does."""

from worker.cli.program import main

__all__ = ["main"]
