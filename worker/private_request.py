"""How Celery shows our tasks: why they failed, and never arguments that are events."""

from typing import Any

from billiard.einfo import (  # type: ignore[attr-defined]  # the stubs lack the second
    ExceptionInfo,
    ExceptionWithTraceback,
)
from celery.worker.request import Request


class PlainRequest(Request):
    """A request that says why its process was lost; Celery says `ExceptionWithTraceback()`."""

    def on_failure(self, exc_info: ExceptionInfo, *args: Any, **options: Any) -> None:
        """Report the error itself instead of what wraps it."""
        if isinstance(exc_info.exception, ExceptionWithTraceback):
            exc_info.exception = exc_info.exception.exc
        super().on_failure(exc_info, *args, **options)


class PrivateRequest(PlainRequest):
    """A request whose arguments are nobody's business: Flower does not get to see them."""

    @property
    def argsrepr(self) -> str:
        """What Celery's events show instead of the arguments."""
        return "(events)"

    @property
    def kwargsrepr(self) -> str:
        """What Celery's events show instead of the keyword arguments."""
        return "{}"

    def info(self, safe: bool = False) -> dict[str, Any]:  # type: ignore[override]  # no TypedDict
        """What a worker answers when it is asked for its tasks, as Flower's worker page does."""
        return {**super().info(safe=safe), "args": self.argsrepr, "kwargs": self.kwargsrepr}

    @property
    def request_dict(self) -> dict[str, Any]:
        """What a process of the pool is told beside the message, which holds the arguments too.

        Pickling a deeply nested event there would end the worker with a RecursionError; and what
        the sender wrote in the arguments' place, usually the arguments, would be logged.
        """
        shown = {"argsrepr": self.argsrepr, "kwargsrepr": self.kwargsrepr}
        return {**super().request_dict, "args": [], "kwargs": {}, **shown}
