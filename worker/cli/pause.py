"""The commands `convertro pause` and `convertro resume`."""

from typing import Annotated

import typer

from config.printable import printable
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import utf8
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.status.wording import clock_time, counted

_PauseReasonOption = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="TEXT",
        parser=utf8,
        help="Why, for whoever looks at the status; no event content.",
    ),
]

#: The longest reason, in characters, so that it fits into the status.
_MAX_REASON_LENGTH = 200


def pause(*, reason: _PauseReasonOption = "", as_json: JsonOption = False) -> None:
    """Hold deliveries until `convertro resume`.

    Events are still accepted. Calls in flight end; nothing more is sent, no retries are used up,
    and no event becomes a dead letter because of Convertro. Repeating it changes nothing, neither
    the time nor the reason.

    Example: convertro pause --reason "the vendor migrates until noon"

    Exit codes: 0 deliveries are held, 2 wrong option, 3 Redis is unavailable.
    """
    if len(reason) > _MAX_REASON_LENGTH:
        raise typer.BadParameter(f"is longer than {_MAX_REASON_LENGTH} characters")
    journal = open_journal().journal
    is_new = journal.pause(reason)
    snapshot = journal.snapshot()
    if as_json:
        say_json({"paused": True, "was_paused": not is_new, "in_flight": snapshot.in_flight})
        return
    if is_new or snapshot.pause is None:
        say(f"deliveries are held; {counted(snapshot.in_flight, 'event')} due, waiting or claimed")
    else:
        why = f" ({printable(snapshot.pause.reason)})" if snapshot.pause.reason else ""
        say(f"deliveries were held before, since {clock_time(snapshot.pause.since_ms)}{why}")


_BuryOption = Annotated[
    bool,
    typer.Option(
        "--bury", help="For ten minutes let events become dead letters, however many they are."
    ),
]

#: How long `--bury` is in effect, in seconds: long enough to bury a backlog, short enough that it
#: does no harm if it is forgotten.
_BURY_SECONDS = 600.0


def resume(*, bury: _BuryOption = False, as_json: JsonOption = False) -> None:
    """End a pause; an open breaker may probe at once.

    While the breaker holds deliveries, the next event that is due is sent at once instead of after
    the wait for the next probe: useful when you have corrected the settings.

    With --bury, deliveries that are held because most events would become dead letters go on,
    and they do become dead letters.

    Example: convertro resume

    Exit codes: 0 deliveries go on, or Convertro is probed, 3 Redis is unavailable.
    """
    producer = open_journal()
    resumed = producer.journal.resume(bury_seconds=_BURY_SECONDS if bury else 0)
    if as_json:
        say_json({"was_paused": resumed.was_paused, "breaker_is_open": resumed.is_open})
        return
    say("deliveries go on" if resumed.was_paused else "there was no pause")
    if bury:
        say("for ten minutes events become dead letters, however many they are")
    if resumed.is_open:
        say("the breaker is open: the next event that is due is sent at once as a probe")
