"""The commands `convertro show` and `convertro dead show`: one event and what happened to it."""

import json
from typing import Annotated, Any

import typer

from config.printable import printable
from worker.cli.dead.selection import place_of
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import EventIdArgument
from worker.cli.terminal.output import JsonOption, say, say_json
from worker.cli.terminal.place import say_place
from worker.cli.terminal.record_view import (
    content_of,
    death_facts,
    record_document,
    record_facts,
    say_attempts,
    say_facts,
    type_of,
)
from worker.journal.endings import Ending
from worker.journal.reading import Sighting
from worker.status.wording import clock_time, duration, iso_time_or_none

_RevealEventOption = Annotated[
    bool,
    typer.Option(
        "--reveal", help="Print the raw event and Convertro's answers; they may hold personal data."
    ),
]


def show(
    event_id: EventIdArgument, *, reveal: _RevealEventOption = False, as_json: JsonOption = False
) -> None:
    """Say where one event is and what happened to it.

    Shows its attempts with their outcomes, the calls that Convertro accepted, and why it is dead.
    Of a finished event it says whether it was delivered, skipped or discarded, why and when, as
    long as its id is remembered. Only --reveal shows the event itself.

    The first 300 printable characters of each failed attempt's answer are kept. Without --reveal, …
    replaces numbers, quoted text, words with a digit or @, and the event's values in it. A part of
    a value can remain, such as a first name: take care where you copy it to.

    Example: convertro show evt-42

    Exit codes: 0 found, 1 unknown, 3 Redis is unavailable.
    """
    journal = open_journal().journal
    sighting = journal.look(event_id)
    if sighting.place == "finished":
        _say_finished(event_id, journal.ending(event_id, sighting), as_json=as_json)
    elif as_json:
        say_json(_document(event_id, sighting, reveal=reveal))
    else:
        _say(event_id, sighting, journal.snapshot().now_ms, reveal=reveal)
    if sighting.place == "unknown":
        raise typer.Exit(ExitCode.NEGATIVE)


def show_dead(
    event_id: EventIdArgument, *, reveal: _RevealEventOption = False, as_json: JsonOption = False
) -> None:
    """Say the same of a dead letter as `convertro show`; as JSON with the record's fields on top.

    Example: convertro dead show evt-42

    Exit codes: 0 shown, 1 not dead, 3 Redis is unavailable.
    """
    producer = open_journal()
    journal = producer.journal
    sighting = journal.look(event_id)
    if sighting.place != "dead" or sighting.record is None:
        fail(ExitCode.NEGATIVE, f"{printable(event_id)} is no dead letter but {place_of(sighting)}")
    if as_json:
        document = _document(event_id, sighting, reveal=reveal)
        known = record_document(sighting.record, sighting.raw, reveal=reveal)
        say_json({**known, "died_at": document["at"], **document})
    else:
        _say(event_id, sighting, journal.snapshot().now_ms, reveal=reveal)
        say("")
        say_place(producer.settings)


def _place_words(sighting: Sighting, now_ms: int) -> str:
    """Where an event is, to complete a sentence that begins with its id."""
    at_ms = sighting.at_ms or 0
    when = clock_time(at_ms)
    how_soon = duration(max(0, at_ms - now_ms) / 1000)
    how_long = duration(max(0, now_ms - at_ms) / 1000)
    return {
        "due": f"is due since {when} ({how_long})",
        "claimed": f"is claimed by a worker, until {when} at the latest",
        "waiting": f"is waiting until {when} (in {how_soon})",
        "dead": f"is dead since {when} ({how_long})",
        "unknown": "is unknown: never accepted, or finished and no longer remembered",
    }[sighting.place]


def _say_finished(event_id: str, ending: Ending | None, *, as_json: bool) -> None:
    if as_json:
        place = _document(
            event_id, Sighting(place="finished", at_ms=ending.at_ms if ending else None)
        )
        known = {"how": ending.how, "reason": ending.reason} if ending else None
        say_json({**place, "ended": known})
    elif ending:
        reason = f" ({ending.reason})" if ending.reason else ""
        say(f"{printable(event_id)} was {ending.how}{reason} {clock_time(ending.at_ms)}")
    else:
        say(
            f"{printable(event_id)} is finished: delivered, skipped or discarded; a worker of an "
            "earlier version did not note which"
        )


def _say(event_id: str, sighting: Sighting, now_ms: int, *, reveal: bool) -> None:
    say(f"{printable(event_id)} {_place_words(sighting, now_ms)}")
    raw, record = sighting.raw, sighting.record
    if raw is not None:
        say("")
        dead = death_facts(record) if record and sighting.place == "dead" else []
        known = record_facts(record) if record else []
        headers = [("type", type_of(raw) or "other"), ("size", f"{len(raw):,} bytes")]
        say_facts([*headers, *dead, *known])
    if record is not None:
        say_attempts(record, raw, reveal=reveal)
    if reveal and raw is not None:
        say("")
        for line in json.dumps(content_of(raw), indent=2, ensure_ascii=False).splitlines():
            say(printable(line))


def _document(event_id: str, sighting: Sighting, *, reveal: bool = False) -> dict[str, Any]:
    raw, record = sighting.raw, sighting.record
    return {
        "id": event_id,
        "place": sighting.place,
        "at": iso_time_or_none(sighting.at_ms),
        "type": type_of(raw) if raw else None,
        "size_bytes": len(raw) if raw else None,
        "record": record_document(record, raw, reveal=reveal) if record else None,
        **({"event": content_of(raw)} if raw and reveal else {}),
    }
