"""Answers of `convertro translate --why` for people: a table for each event."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from config.printable import printable
from worker.cli.terminal.output import say
from worker.cli.terminal.tables import say_table, table, text
from worker.destination.platforms import NO_RULE
from worker.destination.why import ACCEPTANCE, DEFAULT, DIGEST, RANDOM, Because

BECAUSE = {
    Because.SWITCHED_OFF: "is false",
    Because.NO_CONSENT: "is not true, and consent is required",
    Because.UNUSABLE_ID: "is no id that can be used",
    Because.LIKELY_ORDER_ID: "may be the order's id, under another name",
    Because.UNREADABLE_AMOUNT: "is no amount that can be read",
    Because.MISSING_CURRENCY: "is missing, though there is an amount",
    Because.NO_CURRENCY_CODE: "is no code of three letters",
    Because.NOT_ISO_8601: "is no ISO 8601 time",
    Because.AD_TRACKING_OFF: "is not sent: context.device.adTrackingEnabled is false",
}

_SOURCES = {
    DEFAULT: "default, there is no amount",
    ACCEPTANCE: "when it is accepted",
    DIGEST: "a digest of its content",
    RANDOM: "random: it has neither an id nor a time",
}


def say_answer(where: str, answer: dict[str, Any]) -> None:
    """Print what one event becomes and why.

    Args:
        where: The event's place in the file.
        answer: The answer as `--json` prints it.
    """
    if answer["why"] is None:
        say(f"{answer['error']}\n")
        return
    say(f"{where}: {_headline(answer)}")
    _say_sources(answer)
    for remark in _remarks(answer["why"]):
        say(f"  ! {remark}")
    say("")


def _headline(answer: dict[str, Any]) -> str:
    if answer["outcome"] == "send":
        names = [unquote(call["idempotency_key"].partition("/")[2]) for call in answer["calls"]]
        return printable(f"sent as {', '.join(names)}")
    kind = "skipped" if answer["outcome"] == "skip" else "a dead letter"
    return f"{kind}, {answer['reason']}"


def _say_sources(answer: dict[str, Any]) -> None:
    """Print a table of what is sent: each field, its values in the calls and their source."""
    why = answer["why"]
    grid = table("", "", "")
    if why["platform"]:
        rule = "by none of the rules" if why["rule"] == NO_RULE else f"by {why['rule']}"
        grid.add_row(text("  platform"), text(why["platform"]), text(rule))
    for field, source in why["sources"].items():
        values = [answer["message_id"]] if field == "message_id" else _values(answer, field)
        grid.add_row(
            text(f"  {field}"), text(", ".join(values)), text(_SOURCES.get(source, source))
        )
    say_table(grid)


def _values(answer: dict[str, Any], field: str) -> list[str]:
    """What a field holds in the calls, each value once."""
    held = (call["body"][field] for call in answer["calls"] if field in call["body"])
    shown = (value if isinstance(value, str) else json.dumps(value) for value in held)
    return list(dict.fromkeys(shown))


def _remarks(why: dict[str, Any]) -> Iterator[str]:
    for ignored in why["ignored"]:
        yield f"{printable(ignored['field'])} {BECAUSE[ignored['because']]}"
    if why["same_id_as"]:
        yield f"has the id of {why['same_id_as']}: whichever comes second is dropped as a duplicate"
