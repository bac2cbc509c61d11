"""How a task of ours fails in public: by the kind and the place of its error, never its text."""

from pathlib import Path
from traceback import extract_tb
from typing import Any

from celery import Task

from convertro.errors import JournalUnavailable

#: How many places an error names, the innermost last.
PLACES = 3


class TaskError(RuntimeError):
    """A task's own code failed; the error says how and where, without what it was working on."""

    @classmethod
    def by(cls, error: Exception) -> "TaskError":
        """The failure that an error stands for; its message may quote an event."""
        places = [
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in extract_tb(error.__traceback__)[-PLACES:]
        ]
        return cls(f"{type(error).__name__} at {' > '.join(places)}")


class PrivateTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose failure Flower and the log may show to anybody."""

    abstract = True
    Request = "worker.process.private_request:PlainRequest"

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
