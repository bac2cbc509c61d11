"""Logs: one line an event, for people on a terminal, as JSON otherwise.

Each line is a sentence plus a stable `action`; ids only, never an event's content.
"""

import logging
import sys

import structlog
from structlog.typing import Processor

from config.settings import Settings

#: Other people's loggers that say too much at INFO.
QUIET = ("urllib3", "redis", "kombu", "amqp")


#: What Celery says about a message that it throws away, and then quotes, content and all.
QUOTING = ("Can't decode message body", "Received and deleted unknown message")
QUOTING_LOGGER = "celery.worker.consumer.consumer"


def withhold_quotation(record: logging.LogRecord) -> bool:
    """Keep what Celery says about a message, and not what is in it."""
    for beginning in QUOTING:
        if str(record.msg).startswith(beginning):
            record.msg, record.args = f"{beginning}; it was thrown away.", ()
    return True


def configure_logs(settings: Settings) -> None:
    """Send every logger of this process to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(settings),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(QUOTING_LOGGER).addFilter(withhold_quotation)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )


def _rendering(settings: Settings) -> list[Processor]:
    for_people = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    if for_people:
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
