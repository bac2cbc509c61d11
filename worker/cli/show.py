"""The command `convertro show`: where one event is and what happened to it."""

from typing import Any

import typer

from worker.cli.terminal.exit_codes import ExitCode
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import EventIdArgument
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.cli.terminal.record_view import (
    death_facts,
    record_document,
    record_facts,
    say_attempts,
    say_facts,
)
from worker.journal.reading import Sighting
from worker.status.wording import clock_time, duration, iso_time_or_none, printable


def show(event_id: EventIdArgument, *, as_json: JsonOption = False) -> None:
    """Say where one event is and what happened to it.

    Its attempts and their outcomes, the calls that Convertro accepted; never its content.

    Example: convertro show evt-42

    Exit codes: 0 found, 1 unknown, 3 Redis is unavailable.
    """
    journal = open_journal().journal
    sighting = journal.look(event_id)
    if as_json:
        say_json(_document(event_id, sighting))
    else:
        _say(event_id, sighting, journal.snapshot().now_ms)
    if sighting.place == "unknown":
        raise typer.Exit(ExitCode.NEGATIVE)


def _place_words(sighting: Sighting, now_ms: int) -> str:
    """Where an event is, as the rest of a sentence that begins with its id."""
    at_ms = sighting.at_ms or 0
    when = clock_time(at_ms)
    how_soon = duration(max(0, at_ms - now_ms) / 1000)
    how_long = duration(max(0, now_ms - at_ms) / 1000)
    return {
        "due": f"is due since {when} ({how_long})",
        "claimed": f"is claimed by a worker, until {when} at the latest",
        "waiting": f"is waiting until {when} (in {how_soon})",
        "dead": f"is dead since {when} ({how_long})",
        "finished": "is finished: delivered, skipped or discarded",
        "unknown": "is unknown: never accepted, or finished and no longer remembered",
    }[sighting.place]


def _say(event_id: str, sighting: Sighting, now_ms: int) -> None:
    say(f"{printable(event_id)} {_place_words(sighting, now_ms)}")
    if sighting.record is None:
        return
    say("")
    dead = death_facts(sighting.record) if sighting.place == "dead" else []
    say_facts([*dead, *record_facts(sighting.record)])
    say_attempts(sighting.record)


def _document(event_id: str, sighting: Sighting) -> dict[str, Any]:
    record = record_document(sighting.record) if sighting.record else None
    return {
        "id": event_id,
        "place": sighting.place,
        "at": iso_time_or_none(sighting.at_ms),
        "record": record,
    }
