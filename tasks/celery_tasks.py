"""The Celery task: its name and argument are an interface, its body is a door."""

from worker.app import app, deliver_task
from worker.process.privacy import PrivateTask
from worker.task_names import DELIVER


@app.task(name=DELIVER, base=PrivateTask)
def deliver(wakeup: str) -> dict[str, int]:
    """Deliver what is due; the answer is a summary for Flower."""
    return deliver_task().run(wakeup)
