"""Names of tasks that other programs rely on."""

#: A wake-up: "there is work". The id of its task is its token.
DELIVER = "convertro.deliver"

#: Under this name Flower lists dead letters; no such task exists or runs.
DEAD_LETTER = "convertro.dead_letter"
