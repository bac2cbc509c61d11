"""Ends a command that cannot listen on its address, with a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from worker.cli.terminal.exit_codes import ExitCode, fail


@contextmanager
def listening_on(host: str, port: int) -> Iterator[None]:
    """Run a block that binds to an address.

    Raises:
        Exit: The block cannot; a sentence says why.
    """
    try:
        yield
    except OSError as error:
        fail(ExitCode.USAGE, f"cannot listen on {host}:{port}: {error.strerror or error}")
    except UnicodeError:
        fail(ExitCode.USAGE, f"cannot listen on {host}:{port}: this is no host name")
