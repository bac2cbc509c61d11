"""How Celery shows a task whose arguments are events: not at all."""

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
