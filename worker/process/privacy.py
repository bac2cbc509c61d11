"""Restricts what Celery shows of a failed task: how and where it failed, never its event."""

from pathlib import Path
from traceback import extract_tb
from typing import Any

from billiard.einfo import (  # type: ignore[attr-defined]  # the stubs lack the second
    ExceptionInfo,
    ExceptionWithTraceback,
)
from celery import Task
from celery.worker.request import Request

from convertro.errors import JournalUnavailable

#: Most places in the code that an error names, the innermost last.
_PLACES = 3


class TaskError(RuntimeError):
    """A task's own code failed; the error says how and where, without content of an event."""

    @classmethod
    def by(cls, error: Exception) -> "TaskError":
        """Make the error for another one, whose own message may quote an event."""
        places = [
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in extract_tb(error.__traceback__)[-_PLACES:]
        ]
        return cls(f"{type(error).__name__} at {' > '.join(places)}")


class _PlainRequest(Request):
    """A task's request that names why its process was lost, not `ExceptionWithTraceback()`."""

    def on_failure(self, exc_info: ExceptionInfo, *args: Any, **options: Any) -> None:
        """Report the error itself instead of its wrapper."""
        if isinstance(exc_info.exception, ExceptionWithTraceback):
            exc_info.exception = exc_info.exception.exc
        super().on_failure(exc_info, *args, **options)


class PrivateTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose failures have no content of events, so that Flower and the log may show them."""

    abstract = True
    Request = _PlainRequest  # type: ignore[assignment]  # the stubs expect a name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task.

        Raises:
            JournalUnavailable: Redis is down; its text comes from Redis.
            TaskError: In place of any other error.
        """
        try:
            return self.run(*args, **kwargs)
        except JournalUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  the text of any error may quote an event
            failure = TaskError.by(error)
        raise failure
