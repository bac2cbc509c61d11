"""Names that other programs rely on: the queue and the tasks."""

from config.settings import DEFAULT_QUEUE

#: Where an application sends `ENQUEUE`, unless the operator chose another queue.
QUEUE = DEFAULT_QUEUE

#: A wake-up: "there is work". Its one argument is a token.
DELIVER = "convertro.deliver"

#: The door for applications that do not import this code.
ENQUEUE = "convertro.enqueue"

#: Under this name Flower lists dead letters; no such task exists or runs.
DEAD_LETTER = "convertro.dead_letter"
