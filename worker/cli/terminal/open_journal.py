"""Reads a command's settings and opens its journal; slow modules are loaded late."""

from typing import TYPE_CHECKING

from convertro.errors import SettingsError
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.late_logs import configure_logs_late

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.journal.producer import Producer
    from worker.journal.snapshot import Snapshot

#: How long to wait for Redis, in seconds: longer than an application that enqueues does, because an
#: operator would rather wait than have no answer.
OPERATOR_TIMEOUT_SECONDS = 5.0

#: A dedupe window in milliseconds. Scripts use it only until a worker stores that of the journal;
#: no event is finished before, so no id is remembered, and any will do.
_ANY_WINDOW = {"DEDUPE": 86_400_000}


def read_settings() -> "Settings":
    """Read the settings from the environment.

    Raises:
        Exit: A setting is wrong; a sentence says which and why.
    """
    from config.settings import load_settings  # noqa: PLC0415  loads pydantic

    try:
        return load_settings()
    except SettingsError as error:
        fail(ExitCode.USAGE, "; ".join(str(error).splitlines()))


def open_journal() -> "Producer":
    """Make the journal and its intake from the environment's settings, without connecting yet.

    Raises:
        Exit: A setting is wrong; a sentence says which and why.
    """
    from worker.journal.producer import make_producer  # noqa: PLC0415  settings alone need no Redis client

    settings = read_settings()
    configure_logs_late(settings)
    return make_producer(settings, OPERATOR_TIMEOUT_SECONDS)


def look_quickly() -> "Snapshot":
    """Take a snapshot quickly, for a probe that runs every few seconds.

    Only the client's settings are read, which lead to the journal: loading pydantic to read the
    others takes longer than everything else.

    Raises:
        Exit: A setting is wrong; a sentence says which and why.
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
