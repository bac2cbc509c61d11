"""Names that other programs rely on: the queue and the tasks."""

QUEUE = "convertro"

#: A wake-up: "there is work". Its one argument is a token.
DELIVER = "convertro.deliver"

#: The door for applications that do not import this code.
ENQUEUE = "convertro.enqueue"
