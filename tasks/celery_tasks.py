"""The Celery task: its name is an interface, its body is a door."""

from worker.app import app, deliver_task
from worker.process.privacy import PrivateTask
from worker.task_names import DELIVER


@app.task(name=DELIVER, base=PrivateTask, bind=True)
def deliver(self: PrivateTask) -> dict[str, int]:
    """Deliver what is due; the answer is a summary for Flower."""
    return deliver_task().run(str(self.request.id))
