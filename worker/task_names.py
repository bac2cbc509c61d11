"""Names of Celery tasks, on which other programs rely."""

#: The deliver task; the id of each wake-up's task is its token.
DELIVER = "convertro.deliver"

#: The name under which Flower lists dead letters; there is no such task.
DEAD_LETTER = "convertro.dead_letter"
