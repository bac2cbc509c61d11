"""How a command gets at the settings and at the journal."""

from typing import TYPE_CHECKING

from config.logs import configure_logs
from config.settings import Settings, load_settings
from convertro.errors import SettingsError
from worker.cli.terminal.exit_codes import ExitCode, fail

if TYPE_CHECKING:
    from worker.journal.journal import Journal
    from worker.journal.producer import Producer

#: Longer than an application that enqueues may wait: an operator would rather have an answer.
OPERATOR_TIMEOUT_SECONDS = 5.0


def read_settings() -> Settings:
    """The environment's settings.

    Raises:
        Exit: One is wrong; which, and why, was said.
    """
    try:
        return load_settings()
    except SettingsError as error:
        fail(ExitCode.USAGE, "; ".join(str(error).splitlines()))


def open_journal() -> "Producer":
    """The journal and what rings for it, by the environment's settings; nothing connects yet.

    Raises:
        Exit: A setting is wrong; which, and why, was said.
    """
    from worker.journal.producer import make_producer  # noqa: PLC0415  settings alone need no Redis client

    settings = read_settings()
    configure_logs(settings)
    return make_producer(settings, OPERATOR_TIMEOUT_SECONDS)


def journal_of(settings: Settings, timeout_seconds: float) -> "Journal":
    """The journal alone, to look at, which is quick to make; nothing connects yet.

    Args:
        settings: Where it is.
        timeout_seconds: The longest wait for a connection, and for an answer.
    """
    from worker.journal.journal import Journal  # noqa: PLC0415  the same
    from worker.journal.redis_client import connect_journal  # noqa: PLC0415  settings alone need no Redis client

    return Journal(connect_journal(settings, timeout_seconds), settings)
