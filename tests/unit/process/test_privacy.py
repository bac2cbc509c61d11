"""A failed task of ours shows its error without any content."""

import traceback

import pytest
from celery import Celery

from convertro.errors import JournalUnavailable
from tests.support.cli_process import MARKER
from worker.process.privacy import PrivateTask, TaskError


def failing(error: Exception) -> PrivateTask:
    """A task that fails with an error."""
    app = Celery("failing", broker="memory://", set_as_current=False)

    def fail() -> None:
        raise error

    return app.task(fail, name="failing", base=PrivateTask)


def test_it_says_what_failed_where_and_not_with_what() -> None:
    task = failing(ValueError(MARKER))
    with pytest.raises(TaskError, match=r"^ValueError at .*test_privacy\.py:\d+$") as caught:
        task()
    assert MARKER not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_argument_is_not_quoted_either() -> None:
    with pytest.raises(TaskError, match=r"^TypeError at privacy\.py:") as caught:
        failing(ValueError())(**{MARKER: 1})
    assert MARKER not in "".join(traceback.format_exception(caught.value))


def test_that_redis_is_down_is_reported_in_its_own_words() -> None:
    with pytest.raises(JournalUnavailable):
        failing(JournalUnavailable("down"))()
