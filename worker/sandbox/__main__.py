"""`python -m worker.sandbox`: the sandbox without the rest of the command line."""

import typer

from worker.sandbox.cli import sandbox

if __name__ == "__main__":
    typer.run(sandbox)
