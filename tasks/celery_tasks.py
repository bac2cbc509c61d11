"""The Celery tasks: their names and arguments are an interface, their bodies are doors."""

from typing import Any

from worker.app import app, parts
from worker.names import DELIVER, ENQUEUE


@app.task(name=DELIVER)
def deliver(wakeup: str) -> dict[str, int]:
    """Deliver what is due; the answer is a summary for Flower."""
    return parts().deliver(wakeup)


@app.task(name=ENQUEUE, Request="worker.private_request:PrivateRequest")
def enqueue(events: Any) -> dict[str, int]:
    """Take in one event or a list of them, from an application that only knows this name."""
    listed = events if isinstance(events, list) else [events]
    return {"events": len(listed), "accepted": parts().intake.enqueue_unchecked(listed)}
