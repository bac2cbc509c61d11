"""Configures a worker's log by Celery's options, otherwise by the settings."""

from collections.abc import Mapping
from typing import Any

from celery.utils.nodenames import node_format

from config.logs import configure_logs, is_for_people
from config.settings import Settings
from worker.process.worker_options import is_given


class WorkerLog:
    """The log of a worker; the processes of its pool inherit it when they are forked.

    Args:
        settings: Format of the log, and its level if Celery's options name none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._level: int | None = None
        self._path: str | None = None

    def take(self, node: str, options: Mapping[str, Any]) -> None:
        """Use `--loglevel`, if it was given, and `--logfile`, in which `%n` stands for a name."""
        self._level = options.get("loglevel") if is_given("loglevel") else None
        path = options.get("logfile")
        self._path = node_format(path, node) if path else None

    def open(self, path: str | None = None) -> None:
        """Configure the log.

        Args:
            path: The file of this process, if each process has one of its own (`%I`).

        Raises:
            SystemExit: The file cannot be written.
        """
        try:
            configure_logs(self._settings, level=self._level, path=path or self._path)
        except OSError as error:
            raise SystemExit(
                f"convertro: --logfile {path or self._path} cannot be written: {error.strerror}"
            ) from None

    @property
    def is_for_people(self) -> bool:
        """Whether the lines are for people; JSON otherwise."""
        return is_for_people(self._settings, to_file=self._path is not None)
