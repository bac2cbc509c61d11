"""Where a worker logs, and what: as Celery's options ask, else as the settings say."""

from collections.abc import Mapping
from typing import Any

from celery.utils.nodenames import node_format

from config.logs import configure_logs, is_for_people
from config.settings import Settings
from worker.process.worker_options import is_given


class WorkerLog:
    """The log of this worker and, since they are forked, of the processes of its pool.

    Args:
        settings: What Celery's options leave open.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._level: int | None = None
        self._path: str | None = None

    def take(self, node: str, options: Mapping[str, Any]) -> None:
        """Heed `--loglevel`, if it was given, and `--logfile`, in which `%n` stands for a name."""
        self._level = options.get("loglevel") if is_given("loglevel") else None
        path = options.get("logfile")
        self._path = node_format(path, node) if path else None

    def open(self, path: str | None = None) -> None:
        """Log there from now on.

        Args:
            path: The file of this process, if each has one of its own (`%I`).

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
        """Whether people read the log as it is written."""
        return is_for_people(self._settings, to_file=self._path is not None)
