"""The command `convertro status`: how things stand, first in one sentence."""

import sys
import time
from typing import Annotated

import typer

from config.settings import Settings
from worker.cli.status.view import parts
from worker.cli.terminal.open_journal import OPERATOR_TIMEOUT_SECONDS, open_journal
from worker.cli.terminal.output import JsonOption, json_line, say, say_json
from worker.cli.terminal.tables import say_table
from worker.journal.producer import Producer
from worker.status.document import document
from worker.status.read import read_status
from worker.status.status import Status

_WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")
]
_EveryOption = Annotated[
    float,
    typer.Option("--every", metavar="SECONDS", min=0.5, help="With --watch: how often."),
]


def status(
    *, watching: _WatchOption = False, every: _EveryOption = 2.0, as_json: JsonOption = False
) -> None:
    """Say how things stand.

    Whether events are delivered or held and why; what is wrong and what to do about it; what
    waits, how long that takes, and when retries end; what is dead; rates, durations, workers.

    Example: convertro status

    Example: convertro status --watch

    Example: convertro status --json | jq -r .problems[].name

    Exit codes: 0 shown, whatever it says, 3 Redis is unavailable; with --watch it waits for Redis.
    """
    producer = open_journal()
    if not watching:
        now = _look(producer)
        if as_json:
            say_json(document(now))
            return
        for number, part in enumerate(parts(now)):
            if number:
                say("")
            say_table(part)
    elif as_json:
        # An unavailable Redis ends it, for its supervisor to see.
        while True:
            say(json_line(document(_look(producer))))
            sys.stdout.flush()
            time.sleep(every)
    else:
        from worker.cli.status.watch import watch  # noqa: PLC0415  loads what draws on terminals

        watch(lambda: parts(_look(producer)), every)


def _look(producer: Producer) -> Status:
    """Gather what is known now."""
    settings = producer.settings
    return read_status(producer.journal, settings, lambda: _refusal(settings))


def _refusal(settings: Settings) -> str | None:
    from worker.status.refusal import refusal  # noqa: PLC0415  rarely needed

    return refusal(settings, OPERATOR_TIMEOUT_SECONDS)
