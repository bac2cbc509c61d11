"""Names that other programs rely on: the queue and the task."""

from config.settings import DEFAULT_QUEUE

#: Where wake-ups travel, unless the operator chose another queue.
QUEUE = DEFAULT_QUEUE

#: A wake-up: "there is work". Its one argument is a token.
DELIVER = "convertro.deliver"

#: Under this name Flower lists dead letters; no such task exists or runs.
DEAD_LETTER = "convertro.dead_letter"
