"""Logs: one line an event, for people on a terminal, as JSON otherwise.

Each line is a sentence plus a stable `action`; ids only, never an event's content. What they
are is listed in docs/logging.md. Other people's loggers are tamed here.
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

#: Other people's loggers that say too much; Celery's pool would quote, at DEBUG, what it is given.
QUIET = ("urllib3", "redis", "kombu", "amqp", "celery.pool", "multiprocessing")

#: What Celery says of each task: a wake-up is no news, unless somebody asks for DEBUG.
_TASK_LOGGERS = ("celery.worker.strategy", "celery.app.trace")

#: Celery's advice on its next major release, given each time that the broker is lost.
_ADVICE = "PendingDeprecationWarning"

#: What Celery says of a remote-control message that it cannot read, and then quotes, all of it.
_QUOTING = "Can't decode message body"

#: What it says, as an error, each time that it tries in vain to connect: `broker_unavailable` and
#: `broker_outage` say it once.
_REPEATING = "consumer: Cannot connect"

_LEVELS = logging.getLevelNamesMapping()

#: How often Celery may say the same about its broker.
_AGAIN_SECONDS = 60.0

CONSUMER_LOGGER = "celery.worker.consumer.consumer"

#: Where it says each time that it connected.
_CONNECTION_LOGGER = "celery.worker.consumer.connection"

#: Where Celery's pool says that a process of its was killed; it tells no other logger.
_POOL_LOGGER = "multiprocessing"

#: What comes first in a line of JSON, for people who read it without tools.
_FIRST = ("timestamp", "level", "event", "action")


def _withhold(record: logging.LogRecord) -> bool:
    """Keep what Celery says about a message and not what is in it; drop each try to connect."""
    if str(record.msg).startswith(_QUOTING):
        record.msg, record.args, record.exc_info = f"{_QUOTING}; it was thrown away.", (), None
    return not str(record.msg).startswith(_REPEATING) and _is_new(str(record.msg))


#: When each of Celery's sentences about its broker was logged last.
_said_at: dict[str, float] = {}


def _is_new(sentence: str) -> bool:
    """Whether a sentence was not logged lately: a broker is tried again every few seconds."""
    now = monotonic()
    if now - _said_at.get(sentence, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
        return False
    _said_at[sentence] = now
    return True


def _withhold_advice(record: logging.LogRecord) -> bool:
    """Let warnings for operators pass, not those for developers of Celery applications."""
    return _ADVICE not in record.getMessage()


class _LogFile(WatchedFileHandler):
    """A log file. A line that it cannot take goes to standard error and says why.

    To fail instead would end whoever logs: the worker, as it writes its next line.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; the library opens a file that was moved away where it catches nothing."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Say on standard error what could not be written."""
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
        settings: The form, and the least level unless one is given.
        level: The least level that is logged.
        path: A file, which may be moved away and is then opened anew; else standard error.
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
        # A plain record, sentence and extras: whatever else listens to `logging` can read it.
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _without_arguments(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Leave out the extra of Celery's in which are the arguments of a task that failed."""
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
        return [_escape_what_cannot_be_seen, renderer]
    return [
        structlog.processors.format_exc_info,
        _in_reading_order,
        structlog.processors.JSONRenderer(),
    ]


def _escape_what_cannot_be_seen(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Write the values of a line so that a terminal shows what is in them."""
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
    """What happened before its details; and which process of a worker says so."""
    first = {name: line[name] for name in _FIRST if name in line}
    return {**first, **line, "process": os.getpid()}
