"""What a command says that cannot listen where it was told to."""

from collections.abc import Iterator
from contextlib import contextmanager

from worker.cli.terminal.exit_codes import ExitCode, fail


@contextmanager
def listening_on(host: str, port: int) -> Iterator[None]:
    """Surround what takes an address.

    Raises:
        Exit: It cannot be had; why was said.
    """
    try:
        yield
    except OSError as error:
        fail(ExitCode.USAGE, f"cannot listen on {host}:{port}: {error.strerror or error}")
    except UnicodeError:
        fail(ExitCode.USAGE, f"cannot listen on {host}:{port}: this is no host name")
