"""Logs for commands that hardly ever log: structlog is loaded with the first line."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings


def configure_logs_late(settings: "Settings") -> None:
    """Call `configure_logs` only when a first record comes, because structlog is slow to load."""
    logging.basicConfig(handlers=[_LateHandler(settings)], level=settings.log_level, force=True)
    logging.captureWarnings(True)


class _LateHandler(logging.Handler):
    """Configures the logs at the first record, and hands it on to them."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__()
        self._settings = settings

    def emit(self, record: logging.LogRecord) -> None:
        """Configure the logs, which replaces this handler, and log the record."""
        from config.logs import configure_logs  # noqa: PLC0415  loads structlog

        configure_logs(self._settings)
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
