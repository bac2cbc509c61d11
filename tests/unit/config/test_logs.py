"""The form of the log, in separate processes, because logging is set up once per process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

SET_UP = """
import logging, warnings
import structlog
import config.logs
from config.logs import configure_logs
from config.settings import Settings
configure_logs(Settings(log_level="DEBUG", log_format="json"))
"""

SECRET = "ada.lovelace@example.com"


def logged(statement: str) -> list[dict[str, Any]]:
    """The lines that a statement logs, at DEBUG and as JSON."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{SET_UP}\n{statement}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == ""
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_a_line_of_ours_begins_with_what_happened() -> None:
    (line,) = logged(
        "structlog.stdlib.get_logger('worker.x').info('It is.', action='is', event_id='evt-1')"
    )
    assert list(line)[:4] == ["timestamp", "level", "event", "action"]
    assert (line["event"], line["action"], line["event_id"]) == ("It is.", "is", "evt-1")
    assert line["logger"] == "worker.x"
    assert line["process"] > 0


def test_a_record_is_plain_for_whatever_else_listens() -> None:
    """Sentry, for example, takes the message as a title and the extras as data."""
    (line,) = logged(
        "class Other(logging.Handler):\n"
        "    def emit(self, record): print_to_log(record.getMessage(), record.action)\n"
        "def print_to_log(*told): import sys; sys.stderr.write(__import__('json').dumps(told))\n"
        "logging.getLogger().handlers = [Other()]\n"
        "structlog.stdlib.get_logger('worker.x').error('It is.', action='is')"
    )
    assert line == ["It is.", "is"]


def test_a_traceback_and_a_warning_are_one_line_each() -> None:
    error, warning = logged(
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('other').exception('two\\nlines')\n"
        "warnings.warn('beware', stacklevel=1)"
    )
    assert error["event"] == "two\nlines"
    assert "ZeroDivisionError" in error["exception"]
    assert "beware" in warning["event"]


@pytest.mark.parametrize(
    "statement",
    [
        f"logging.getLogger('celery.pool').debug('TaskPool: Apply', '{SECRET}')",
        "logging.getLogger(config.logs.CONSUMER_LOGGER).error('consumer: Cannot connect to %s', 1)",
        "warnings.warn('in 6.0', PendingDeprecationWarning, stacklevel=1)",
        "logging.getLogger('multiprocessing').info('child process calling self.run()')",
    ],
)
def test_what_quotes_repeats_or_advises_is_not_logged(statement: str) -> None:
    assert logged(f"warnings.simplefilter('always')\n{statement}") == []


def test_a_message_that_celery_cannot_read_is_not_quoted() -> None:
    (line,) = logged(
        f"try: raise ValueError('{SECRET}')\n"
        "except ValueError: logging.getLogger(config.logs.CONSUMER_LOGGER).critical("
        f"\"Can't decode message body: %r\", '{SECRET}', exc_info=True)"
    )
    assert SECRET not in str(line)


def test_the_arguments_of_a_task_that_failed_are_left_out() -> None:
    (line,) = logged(
        "logging.getLogger('celery.app.trace').error("
        f"'It failed.', extra={{'data': {{'args': '{SECRET}'}}, 'otelTraceID': 'abc'}})"
    )
    assert "data" not in line
    assert line["otelTraceID"] == "abc"


def test_the_kill_of_a_process_of_the_pool_is_logged_as_json() -> None:
    (line,) = logged(
        "import billiard.util as util\n"
        "util.get_logger()\n"
        "util.error('Process %r pid:%r exited with %r', 'ForkPoolWorker-1', 1, 'signal 9')"
    )
    assert line["level"] == "error"
    assert "exited with 'signal 9'" in line["event"]


@pytest.mark.parametrize(
    "trouble",
    [
        "os.rename(path, f'{path}.1'); os.mkdir(path)",
        "os.dup2(os.open('/dev/full', os.O_WRONLY), logging.root.handlers[0].stream.fileno())",
    ],
    ids=["rotated, and cannot be opened anew", "the disk is full"],
)
def test_what_a_log_file_cannot_take_goes_to_standard_error(tmp_path: Path, trouble: str) -> None:
    path = tmp_path / "worker.log"
    (line,) = logged(
        f"import os\npath = {str(path)!r}\n"
        "configure_logs(Settings(log_format='json'), path=path)\n"
        f"{trouble}\n"
        "structlog.stdlib.get_logger('worker.x').info('It is.', action='is')"
    )
    assert (line["event"], line["action"]) == ("It is.", "is")
    assert line["log_file_error"].startswith(f"{path}: ")


@pytest.mark.parametrize(
    "sign", ["\u202e", "\u2066", "\u200b", "\x1b", "\x07", "\x85", "\u2028", "\n"]
)
def test_what_cannot_be_seen_is_escaped_for_people(sign: str) -> None:
    statement = (
        f"{SET_UP.replace('json', 'console')}\n"
        f"evil = {sign!r} + 'evil'\n"
        "structlog.stdlib.get_logger('worker.x').info('It is.', event_id=evil, ids=[evil])\n"
        "try: raise ValueError(evil)\n"
        "except ValueError: logging.getLogger('other').exception('It failed.')"
    )
    told = subprocess.run(
        [sys.executable, "-c", statement], cwd=ROOT, capture_output=True, check=True
    ).stderr.decode()
    escaped = sign.encode("unicode_escape").decode()
    assert told.count(f"{escaped}evil") >= 2
    assert f"{sign}evil" not in told or sign == "\n"
