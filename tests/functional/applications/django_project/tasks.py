"""The project's own tasks, one of which enqueues."""

from config import app
from convertro import enqueue
from worker.reminders import reminder_sent


@app.task
def remind(number: int) -> str:
    return enqueue(reminder_sent(number))
