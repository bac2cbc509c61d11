"""How a command gets at the settings and at the journal; what is slow to load is loaded late."""

from typing import TYPE_CHECKING

from convertro.errors import SettingsError
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.late_logs import configure_logs_late

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.journal.producer import Producer
    from worker.journal.snapshot import Snapshot

#: Longer than an application that enqueues may wait: an operator would rather have an answer.
OPERATOR_TIMEOUT_SECONDS = 5.0

#: For a look that does not ask how many ids are remembered.
_ANY_WINDOW = {"DEDUPE": 86_400_000}


def read_settings() -> "Settings":
    """The environment's settings.

    Raises:
        Exit: One is wrong; which, and why, was said.
    """
    from config.settings import load_settings  # noqa: PLC0415  loads pydantic

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
    configure_logs_late(settings)
    return make_producer(settings, OPERATOR_TIMEOUT_SECONDS)


def look_quickly() -> "Snapshot":
    """A snapshot, but for the number of ids that are remembered, for what runs every few seconds.

    It reads the settings of a client alone, which tell where the journal is: to load pydantic,
    which reads the others, takes longer than all the rest.

    Raises:
        Exit: One of them is wrong; which, and why, was said.
    """
    from convertro.environment import find_journal  # noqa: PLC0415  loads the Redis client
    from worker.journal.reading import LUA, ReadableJournal  # noqa: PLC0415  the same

    try:
        place = find_journal(None, timeout_seconds=OPERATOR_TIMEOUT_SECONDS)
    except SettingsError as error:
        fail(ExitCode.USAGE, str(error))
    journal = ReadableJournal(
        place.redis, key_prefix=place.key_prefix, constants=_ANY_WINDOW, folders=(LUA,)
    )
    return journal.snapshot()
