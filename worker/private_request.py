"""How Celery shows and hands on a task whose arguments are events: not at all."""

from typing import Any

from celery.worker.request import Request


class PrivateRequest(Request):
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

        Pickling a deeply nested event there would end the worker with a RecursionError.
        """
        return {**super().request_dict, "args": [], "kwargs": {}}
