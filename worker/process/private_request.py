"""How Celery shows why a task of ours failed."""

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
