"""The Celery tasks: their names and arguments are an interface, their bodies are doors."""

from typing import Any

from worker.app import app, parts
from worker.names import DELIVER, ENQUEUE
from worker.private_task import PrivateTask


@app.task(name=DELIVER, base=PrivateTask)
def deliver(wakeup: str) -> dict[str, int]:
    """Deliver what is due; the answer is a summary for Flower."""
    return parts().deliver(wakeup)


@app.task(name=ENQUEUE, base=PrivateTask, Request="worker.private_request:PrivateRequest")
def enqueue(events: Any) -> dict[str, int]:
    """Take in one event or a list of them, from an application that only knows this name."""
    listed = events if isinstance(events, list) else [events]
    return {"events": len(listed), "accepted": parts().intake.enqueue_unchecked(listed)}
