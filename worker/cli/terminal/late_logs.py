"""Logs for commands that hardly ever log: what writes the lines is loaded with the first one."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings


def configure_logs_late(settings: "Settings") -> None:
    """Do what `configure_logs` does, once there is something to log; structlog is slow to load."""
    logging.basicConfig(handlers=[_LateHandler(settings)], level=settings.log_level, force=True)
    logging.captureWarnings(True)


class _LateHandler(logging.Handler):
    """Has the logs configured with the first record, and handed that to them."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__()
        self._settings = settings

    def emit(self, record: logging.LogRecord) -> None:
        """Make way for the handler that stays."""
        from config.logs import configure_logs  # noqa: PLC0415  that is what must come late

        configure_logs(self._settings)
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
