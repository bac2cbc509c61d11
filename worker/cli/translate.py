"""The command `convertro translate`: what events become, without sending anything."""

import json
from datetime import UTC, datetime
from typing import Any

from config.settings import Settings
from convertro.segment_event import InvalidEvent, encode, event_id
from worker.cli.terminal.event_file import (
    FileArgument,
    Item,
    UnreadableFile,
    open_events,
    read_items,
)
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import json_line, say
from worker.destination.plan import PlannedCall, plan
from worker.destination.wire import idempotency_key
from worker.reasons import DeathReason


def translate(file: FileArgument) -> None:
    """Show what events become; sends nothing.

    Prints a JSON object on one line for each event: message_id, outcome (send, skip or
    invalid), reason, and the calls with method, path, body and idempotency_key. An event that
    cannot be read is invalid too, and its error names the field. Redis is not needed; the
    destination's settings come from the environment.

    Example: convertro translate events.jsonl | jq -c '[.outcome, .reason]'

    Example: echo '{"type": "track", "event": "Signed Up"}' | convertro translate -
    """
    settings = read_settings()
    try:
        with open_events(file) as events:
            for item in read_items(events):
                say(json_line(_translated(item, settings)))
    except UnreadableFile as error:
        fail(ExitCode.USAGE, f"{file} cannot be read: {error}")


def _translated(item: Item, settings: Settings) -> dict[str, Any]:
    try:
        if item.error:
            raise item.error
        message_id = event_id(item.event, encode(item.event))
    except InvalidEvent as error:
        return {
            "message_id": _claimed_id(item.event),
            "outcome": "invalid",
            "reason": DeathReason.INVALID_EVENT,
            "error": f"{item.where}: {error}",
            "calls": [],
        }
    answer = _answer(item.event, message_id, settings)
    if answer["reason"] == DeathReason.INVALID_EVENT:
        # What can be accepted and yet is invalid is a track without a name.
        answer["error"] = f"{item.where}: event must be a string that is not empty"
    return answer


def _claimed_id(event: Any) -> str | None:
    """What an event that cannot be accepted calls itself."""
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
