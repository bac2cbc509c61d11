"""`python -m worker.lab.sandbox`: the sandbox without the rest of the command line."""

import typer

from worker.lab.sandbox.sandbox_command import sandbox

if __name__ == "__main__":
    typer.run(sandbox)
