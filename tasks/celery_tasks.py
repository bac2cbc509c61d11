"""The Celery task, which only calls the deliver task of its process."""

from worker.app import app, deliver_task
from worker.process.privacy import PrivateTask
from worker.task_names import DELIVER


@app.task(name=DELIVER, base=PrivateTask, bind=True)
def deliver(self: PrivateTask) -> dict[str, int]:
    """Deliver due events; return a summary for Flower."""
    return deliver_task().run(str(self.request.id))
