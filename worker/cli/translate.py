"""The command `convertro translate`: what events become, without sending anything."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from config.settings import Settings
from convertro.errors import InvalidEvent
from convertro.segment_event import encode, event_id
from worker.cli.terminal.event_file import (
    FileArgument,
    Item,
    UnreadableFile,
    open_events,
    read_items,
)
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import JsonOption, json_line, say
from worker.destination.plan import PlannedCall, plan
from worker.destination.why import why
from worker.destination.wire import idempotency_key
from worker.reasons import DeathReason

_WhyOption = Annotated[
    bool, typer.Option("--why", help="Say how each answer came about; for people, unless --json.")
]


def translate(
    file: FileArgument, *, explain: _WhyOption = False, as_json: JsonOption = False
) -> None:
    """Show what events become; sends nothing.

    Prints a JSON object on one line for each event: message_id, outcome (send, skip or
    invalid), reason, and the calls with method, path, body and idempotency_key. An event that
    cannot be accepted is invalid too, and its error names line and field. Calls whose event has no
    usable timestamp get the present time. Redis is not needed; the destination's settings come from
    the environment.

    With --why it says, for people, by which rule each event is web or mobile, from which of its
    fields those of its calls come, what was ignored, and whether an event before it in the file
    has the same id. With --why --json each line of JSON has that as why.

    Example: convertro translate events.jsonl | jq -c '[.outcome, .reason]'

    Example: convertro translate --why events.jsonl

    Exit codes: 0 translated, whatever becomes of the events; 2 a wrong setting, or a file that
    cannot be read.
    """
    settings = read_settings()
    seen: dict[str, str] = {}
    try:
        with open_events(file) as events:
            for item in read_items(events):
                answer = _translated(item, settings, seen if explain else None)
                if explain and not as_json:
                    _say_answer(item.where, answer)
                else:
                    say(json_line(answer))
    except UnreadableFile as error:
        fail(ExitCode.USAGE, f"{file} cannot be read: {error}")


def _say_answer(where: str, answer: dict[str, Any]) -> None:
    from worker.cli.why_view import say_answer  # noqa: PLC0415  most runs need no tables

    say_answer(where, answer)


def _translated(item: Item, settings: Settings, seen: dict[str, str] | None) -> dict[str, Any]:
    """What an item of the file becomes.

    Args:
        item: The item.
        settings: The settings for the translation.
        seen: The place at which each id was seen first; None without `--why`.
    """
    try:
        if item.error:
            raise item.error
        message_id = event_id(item.identified, encode(item.identified))
    except InvalidEvent as error:
        return {
            "message_id": _claimed_id(item.event),
            "outcome": "invalid",
            "reason": DeathReason.INVALID_EVENT,
            "error": f"{item.where}: {error}",
            "calls": [],
            **({} if seen is None else {"why": None}),
        }
    answer = _answer(item.event, message_id, settings)
    if answer["reason"] == DeathReason.INVALID_EVENT:
        # Among events that can be accepted, only a track without a name is invalid.
        answer["error"] = f"{item.where}: event must be a string that is not empty"
    if seen is not None:
        answer["why"] = {
            **_why(item.event, message_id, settings),
            "same_id_as": seen.get(message_id),
        }
        seen.setdefault(message_id, item.where)
    return answer


def _claimed_id(event: Any) -> str | None:
    """The `messageId` of an event that cannot be accepted."""
    message_id = event.get("messageId") if isinstance(event, dict) else None
    return message_id if isinstance(message_id, str) else None


def _answer(event: dict[str, Any], message_id: str, settings: Settings) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    planned = plan(event, settings, accepted_at=now)
    return {
        "message_id": message_id,
        "outcome": "invalid" if planned.invalid else "skip" if planned.skipped else "send",
        "reason": planned.invalid or planned.skipped,
        "calls": [_call(message_id, call) for call in planned.calls],
    }


def _call(message_id: str, call: PlannedCall) -> dict[str, Any]:
    return {
        "method": "POST",
        "path": call.path,
        "body": json.loads(call.body),
        "idempotency_key": idempotency_key(message_id, call.name),
    }


def _why(event: dict[str, Any], message_id: str, settings: Settings) -> dict[str, Any]:
    explained = why(event, settings, message_id)
    return {
        "platform": explained.platform,
        "rule": explained.rule,
        "sources": explained.sources,
        "ignored": [
            {"field": ignored.field, "because": ignored.because} for ignored in explained.ignored
        ],
    }
