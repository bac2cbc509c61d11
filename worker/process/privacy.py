"""What Celery may show of our task: how it failed and where, never what it was working on."""

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

#: How many places an error names, the innermost last.
_PLACES = 3


class TaskError(RuntimeError):
    """A task's own code failed; the error says how and where, without what it was working on."""

    @classmethod
    def by(cls, error: Exception) -> "TaskError":
        """The failure that an error stands for; its message may quote an event."""
        places = [
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in extract_tb(error.__traceback__)[-_PLACES:]
        ]
        return cls(f"{type(error).__name__} at {' > '.join(places)}")


class _PlainRequest(Request):
    """A request that says why its process was lost; Celery says `ExceptionWithTraceback()`."""

    def on_failure(self, exc_info: ExceptionInfo, *args: Any, **options: Any) -> None:
        """Report the error itself instead of what wraps it."""
        if isinstance(exc_info.exception, ExceptionWithTraceback):
            exc_info.exception = exc_info.exception.exc
        super().on_failure(exc_info, *args, **options)


class PrivateTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose failure Flower and the log may show to anybody."""

    abstract = True
    Request = _PlainRequest  # type: ignore[assignment]  # the stubs know its name alone

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task.

        Raises:
            JournalUnavailable: Redis is down; its text is Redis's own.
            TaskError: Instead of any other error.
        """
        try:
            return self.run(*args, **kwargs)
        except JournalUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, its text may quote an event
            failure = TaskError.by(error)
        raise failure
