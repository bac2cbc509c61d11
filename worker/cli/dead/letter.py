"""The command `convertro dead show`."""

import json
from typing import Annotated, Any

import typer

from worker.cli.dead.selection import place_of
from worker.cli.terminal.event_content import content_of, type_of
from worker.cli.terminal.exit_codes import ExitCode, fail
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
from worker.journal.records import Record
from worker.status.wording import clock_time, iso_time_or_none, printable

_RevealEventOption = Annotated[
    bool, typer.Option("--reveal", help="Print the raw event too; it may hold personal data.")
]


def show_dead(
    event_id: EventIdArgument, *, reveal: _RevealEventOption = False, as_json: JsonOption = False
) -> None:
    """Show one dead letter without its content.

    Why it is dead, when it died, its size, its attempts. Only --reveal shows the event itself.

    Example: convertro dead show evt-42

    Exit codes: 0 shown, 1 not dead, 3 Redis is unavailable.
    """
    sighting = open_journal().journal.look(event_id)
    if sighting.place != "dead" or sighting.record is None:
        fail(ExitCode.NEGATIVE, f"{printable(event_id)} is no dead letter but {place_of(sighting)}")
    if as_json:
        say_json(_document(event_id, sighting, sighting.record, reveal=reveal))
    else:
        _say(event_id, sighting, sighting.record, reveal=reveal)


def _say(event_id: str, sighting: Sighting, record: Record, *, reveal: bool) -> None:
    raw = sighting.raw or b""
    say_facts(
        [
            ("id", event_id),
            ("type", type_of(raw) or "other"),
            ("size", f"{len(raw):,} bytes"),
            *death_facts(record),
            ("died", clock_time(sighting.at_ms or 0)),
            *record_facts(record),
        ]
    )
    say_attempts(record)
    if reveal:
        say("")
        for line in json.dumps(content_of(raw), indent=2, ensure_ascii=False).splitlines():
            say(printable(line))


def _document(event_id: str, sighting: Sighting, record: Record, *, reveal: bool) -> dict[str, Any]:
    raw = sighting.raw or b""
    headers = {
        "id": event_id,
        "type": type_of(raw),
        "size_bytes": len(raw),
        "died_at": iso_time_or_none(sighting.at_ms),
        **record_document(record),
    }
    return {**headers, "event": content_of(raw)} if reveal else headers
