"""Configures logs: lines for people on a terminal, JSON otherwise.

Each line is a sentence plus a stable `action`, with ids but never an event's content;
docs/logging.md lists them. This module also drops or shortens lines of Celery and other libraries.
"""

import logging
import os
import sys
from io import StringIO
from logging.handlers import WatchedFileHandler
from time import monotonic
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from config.printable import printable
from config.settings import Settings

#: Loggers of libraries of which only warnings are logged. At DEBUG Celery's pool would quote the
#: arguments of tasks.
QUIET = ("urllib3", "redis", "kombu", "amqp", "celery.pool", "multiprocessing")

#: Loggers with Celery's lines about each task, whose level INFO is logged only at DEBUG.
_TASK_LOGGERS = ("celery.worker.strategy", "celery.app.trace")

#: A part of Celery's warning about its next major release, given each time it loses the broker.
_ADVICE = "PendingDeprecationWarning"

#: The beginning of Celery's line about an unreadable remote-control message, which quotes it whole.
_QUOTING = "Can't decode message body"

#: The beginning of Celery's error for each failed try to connect; `broker_unavailable` and
#: `broker_outage` log that once.
_REPEATING = "consumer: Cannot connect"

_LEVELS = logging.getLevelNamesMapping()

#: How long Celery must not repeat a line about its broker.
_AGAIN_SECONDS = 60.0

CONSUMER_LOGGER = "celery.worker.consumer.consumer"

#: The logger with Celery's line about each connection.
_CONNECTION_LOGGER = "celery.worker.consumer.connection"

#: The only logger to which Celery's pool reports that one of its processes was killed.
_POOL_LOGGER = "multiprocessing"

#: The first fields of a line of JSON, for people who read it without tools.
_FIRST = ("timestamp", "level", "event", "action")


def _withhold(record: logging.LogRecord) -> bool:
    """Remove quoted messages from Celery's lines; drop failed tries to connect, and repetitions."""
    if str(record.msg).startswith(_QUOTING):
        record.msg, record.args, record.exc_info = f"{_QUOTING}; it was thrown away.", (), None
    return not str(record.msg).startswith(_REPEATING) and _is_new(str(record.msg))


#: When each of Celery's lines about its broker was logged last, by the monotonic clock.
_said_at: dict[str, float] = {}


def _is_new(sentence: str) -> bool:
    """Whether a line was not logged lately; Celery tries to connect every few seconds."""
    now = monotonic()
    if now - _said_at.get(sentence, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
        return False
    _said_at[sentence] = now
    return True


def _withhold_advice(record: logging.LogRecord) -> bool:
    """Drop Celery's warnings for developers of applications; keep those for operators."""
    return _ADVICE not in record.getMessage()


class _LogFile(WatchedFileHandler):
    """A log file. A line that cannot be written goes to standard error, with the reason.

    An exception instead would end the code that logs, such as the worker.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; handle errors of opening a moved file, which the library does not."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Write the line to standard error if the file cannot be written."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        record.log_file_error = f"{self.baseFilename}: {error.strerror}"
        instead = logging.StreamHandler()
        instead.setFormatter(self.formatter)
        instead.handle(record)


def configure_logs(
    settings: Settings, *, level: int | None = None, path: str | None = None
) -> None:
    """Send every logger of this process, and Python's warnings, to one place in one form.

    Args:
        settings: The format, and the lowest level to log unless `level` is given.
        level: The lowest level to log.
        path: A file, opened anew if it is moved away; standard error by default.
    """
    handler = _LogFile(path, encoding="utf-8") if path else logging.StreamHandler()
    level = _LEVELS[settings.log_level] if level is None else level
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_arguments,
                *_rendering(settings, to_file=path is not None),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger(_POOL_LOGGER).handlers = [handler]
    logging.getLogger(_POOL_LOGGER).propagate = False
    for name in QUIET if level <= logging.DEBUG else (*QUIET, *_TASK_LOGGERS):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addFilter(_withhold_advice)
    for name in (CONSUMER_LOGGER, _CONNECTION_LOGGER):
        logging.getLogger(name).addFilter(_withhold)
    structlog.configure(
        # A plain record of sentence and extras, which other handlers of `logging` can read too.
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _without_arguments(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Remove Celery's extra `data`, which has the arguments of a failed task."""
    line.pop("data", None)
    return line


def is_for_people(settings: Settings, *, to_file: bool) -> bool:
    """Whether the lines are for people; JSON otherwise."""
    return settings.log_format == "console" or (
        settings.log_format == "auto" and not to_file and sys.stderr.isatty()
    )


def _rendering(settings: Settings, *, to_file: bool) -> list[Processor]:
    if is_for_people(settings, to_file=to_file):
        renderer = structlog.dev.ConsoleRenderer(
            colors=not to_file and sys.stderr.isatty(), exception_formatter=_escaped_traceback
        )
        return [_escape_invisible, renderer]
    return [
        structlog.processors.format_exc_info,
        _in_reading_order,
        structlog.processors.JSONRenderer(),
    ]


def _escape_invisible(_logger: object, _method: str, line: EventDict) -> EventDict:
    return {
        name: printable(value, but="\n" if name == "event" else "")
        if isinstance(value, str)
        else value
        for name, value in line.items()
    }


def _escaped_traceback(output: TextIO, exc_info: ExcInfo) -> None:
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    output.write(printable(plain.getvalue(), but="\n"))


def _in_reading_order(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Put the fields of `_FIRST` first, and add the number of the process."""
    first = {name: line[name] for name in _FIRST if name in line}
    return {**first, **line, "process": os.getpid()}
