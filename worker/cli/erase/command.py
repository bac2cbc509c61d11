"""The command `convertro erase`: removes a person's events from the journal."""

import time
from collections import Counter
from typing import Annotated, Any

import typer

from convertro.errors import JournalUnavailable
from worker.cli.erase.erasure import Erasure
from worker.cli.erase.ownership import Person
from worker.cli.terminal.confirm import YesOption, confirm
from worker.cli.terminal.exit_codes import ExitCode, complain, fail, fail_unavailable
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import utf8
from worker.cli.terminal.output import say_json
from worker.status.wording import counted, iso_time

_REPEAT = "repeat the command for the rest"


def _identifier(text: str) -> str:
    if not text:
        raise typer.BadParameter("is empty")
    return utf8(text)


_UserIdOption = Annotated[
    str | None,
    typer.Option("--user-id", metavar="ID", parser=_identifier, help="The person's userId."),
]
_AnonymousIdOption = Annotated[
    str | None,
    typer.Option(
        "--anonymous-id",
        metavar="ID",
        parser=_identifier,
        help="The person's anonymousId. With both ids: events with either.",
    ),
]
_CountOnlyOption = Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")]
_WaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait for events that workers hold.")
]


def erase(
    *,
    user_id: _UserIdOption = None,
    anonymous_id: _AnonymousIdOption = None,
    dry_run: _CountOnlyOption = False,
    yes: YesOption = False,
    no_wait: _WaitOption = False,
) -> None:
    """Remove a person's events, whatever their state.

    An event is the person's if its userId, its anonymousId or the previousId of an alias equals the
    id, including upper and lower case; 123 matches the number and the text. Persons who are only
    mentioned in traits or properties are not found. An event that is not a JSON object is erased if
    it contains the id as a separate word.

    It asks first. Due, waiting and dead events are erased at once; one that a worker holds, as soon
    as the worker is done or its lease ends. They are counted as discarded:erased, and not even
    their ids are kept. The receipt, in JSON, holds the ids of the events and nothing about the
    person; it is printed after Ctrl-C or an outage of Redis too. Repeating the command is safe.
    docs/privacy.md says what it cannot reach.

    Example: convertro erase --user-id 97980 --dry-run

    Example: convertro erase --anonymous-id 507f191e --yes > receipt.json

    Exit codes: 0 nothing of theirs is left, 1 declined or some are left, 2 no id or an empty one, 3
    Redis is unavailable, 130 interrupted.
    """
    if user_id is None and anonymous_id is None:
        fail(ExitCode.USAGE, "say whose events: --user-id, --anonymous-id, or both")
    producer = open_journal()
    erasure = Erasure(producer.journal, Person(user_id, anonymous_id))
    prefix = producer.settings.key_prefix
    try:
        found = erasure.find()
        if dry_run:
            places = _places(erasure, found)
            say_json({"dry_run": True, "found": len(found), "by_place": _sorted(places)})
            return
        if found and not yes:
            places = _places(erasure, found)
            confirm(
                [f"  {place:<8}  {number:,}" for place, number in _sorted(places).items()],
                f"Erase {counted(places.total(), 'event')} for good?",
                "nothing was erased; --yes erases without a question",
            )
        is_complete = erasure.run(found, wait=not no_wait)
    except JournalUnavailable as error:
        _say_receipt(erasure, prefix, is_complete=False)
        fail_unavailable(error, _so_far(erasure))
    except KeyboardInterrupt:
        _say_receipt(erasure, prefix, is_complete=False)
        fail(ExitCode.INTERRUPTED, f"interrupted; {_so_far(erasure)}; {_REPEAT}")
    _say_receipt(erasure, prefix, is_complete=is_complete)
    if erasure.still_claimed:
        number = counted(len(erasure.still_claimed), "event")
        complain(f"{number} still held by workers, to be erased when they are done; {_REPEAT}")
    if not is_complete:
        raise typer.Exit(ExitCode.NEGATIVE)


def _say_receipt(erasure: Erasure, prefix: str, *, is_complete: bool) -> None:
    receipt: dict[str, Any] = {
        "complete": is_complete,
        "finished_at": iso_time(int(time.time() * 1000)),
        "key_prefix": prefix,
        "erased": len(erasure.ids),
        "by_place": _sorted(erasure.by_place),
        "ids": erasure.ids,
        "delivered_meanwhile": erasure.delivered_meanwhile,
        "still_claimed": list(erasure.still_claimed),
    }
    say_json(receipt)


def _places(erasure: Erasure, ids: list[str]) -> Counter[str]:
    return Counter(erasure.journal.look(event_id).place for event_id in ids)


def _sorted(places: Counter[str]) -> dict[str, int]:
    return dict(sorted(places.items()))


def _so_far(erasure: Erasure) -> str:
    held = len(erasure.still_claimed)
    also = f", {held:,} to be erased when workers are done" if held else ""
    return f"{counted(len(erasure.ids), 'event')} erased so far{also}"
