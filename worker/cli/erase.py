"""The command `convertro erase`: take a person's events out of the journal, with a receipt."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from worker.cli.access import open_journal
from worker.cli.content import content_of
from worker.cli.exits import ExitCode, complain, fail, fail_unavailable
from worker.cli.interrupts import step
from worker.cli.output import say_json
from worker.cli.progress import progress
from worker.cli.words import counted, iso_time
from worker.errors import JournalUnavailable
from worker.journal import PAGE, Journal
from worker.records import Erased

#: Between two looks at events that workers still hold.
POLL_SECONDS = 0.5

#: Beyond the end of a lease, for a slow Redis and a busy machine.
MARGIN_SECONDS = 10.0

UserOption = Annotated[
    str | None, typer.Option("--user-id", metavar="ID", help="The person's userId.")
]
AnonymousOption = Annotated[
    str | None, typer.Option("--anonymous-id", metavar="ID", help="The person's anonymousId.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait for events that workers hold.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Change nothing, count instead.")]


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be erased: an event is theirs if either id is in it."""

    user_id: str | None
    anonymous_id: str | None

    def owns(self, raw: bytes) -> bool:
        """Whether a raw event is theirs; one that cannot be read is if an id occurs in it."""
        event = content_of(raw)
        if not isinstance(event, dict):
            wanted = (self.user_id, self.anonymous_id)
            return any(one is not None and one.encode() in raw for one in wanted)
        # A number in JSON is the same person as its text; previousId is that of an alias.
        users = {str(event.get("userId")), str(event.get("previousId"))}
        return self.user_id in users or self.anonymous_id == str(event.get("anonymousId"))


@dataclass(slots=True)
class Receipt:
    """What was done; it holds ids of events and nothing of the person."""

    erased: list[str] = field(default_factory=list)
    by_place: Counter[str] = field(default_factory=Counter)
    #: Held by a worker at the last look.
    claimed: set[str] = field(default_factory=set)
    #: Finished by the worker that held them, before they could be erased.
    finished: list[str] = field(default_factory=list)

    def document(self, *, dry_run: bool) -> dict[str, Any]:
        """The receipt as JSON."""
        return {
            "at": iso_time(int(time.time() * 1000)),
            "dry_run": dry_run,
            "complete": not self.claimed and not dry_run,
            "erased": len(self.erased),
            "by_place": dict(self.by_place),
            "ids": sorted(self.erased),
            "finished_meanwhile": sorted(self.finished),
            "still_claimed": sorted(self.claimed),
        }


def erase(
    *,
    user_id: UserOption = None,
    anonymous_id: AnonymousOption = None,
    yes: YesOption = False,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Take a person's events out of the journal, and print a receipt.

    Due, waiting and dead events go at once; one that a worker holds goes as soon as the worker is
    done with it or its lease ends, for which the command waits. They are counted as
    discarded:erased. Not even their ids are remembered.

    Example: convertro erase --user-id u-97980

    Example: convertro erase --anonymous-id 507f191e --yes > receipt.json

    Exit codes: 0 nothing of theirs is left, 1 declined or workers still hold some, 2 nobody was
    named, 3 Redis is unavailable, 130 interrupted.
    """
    if not (user_id or anonymous_id):
        fail(ExitCode.USAGE, "say who: --user-id, --anonymous-id, or both for either of them")
    person = Person(user_id or None, anonymous_id or None)
    producer = open_journal()
    journal = producer.journal
    receipt = Receipt()
    if dry_run:
        _count(journal, _theirs(journal, person), receipt)
        say_json(receipt.document(dry_run=True))
        return
    if not yes:
        _ask()
    try:
        _erase_all(journal, person, receipt)
        if not no_wait:
            _wait(journal, person, receipt, producer.settings.lease_seconds + MARGIN_SECONDS)
    except JournalUnavailable as error:
        fail_unavailable(error, f"{counted(len(receipt.erased), 'event')} erased so far")
    except KeyboardInterrupt:
        say_json(receipt.document(dry_run=False) | {"complete": False})
        fail(ExitCode.INTERRUPTED, "interrupted; repeat the command to erase what is left")
    say_json(receipt.document(dry_run=False))
    if receipt.claimed:
        fail(
            ExitCode.NEGATIVE,
            f"workers still hold {counted(len(receipt.claimed), 'event')} of theirs; repeat the "
            "command when their leases have ended",
        )


def _theirs(journal: Journal, person: Person) -> Iterator[list[str]]:
    """The ids of their events, in pages, while a bar shows how far the search is."""
    page: list[str] = []
    total = journal.snapshot().stored
    with progress("looking through the journal", total) as bar:
        for position, (event_id, raw) in enumerate(journal.all_raw_events(), start=1):
            if person.owns(raw):
                page.append(event_id)
            if position % PAGE == 0:
                bar.advance(position=min(position, total), events=position)
            if len(page) == PAGE:
                yield page
                page = []
    if page:
        yield page


def _count(journal: Journal, pages: Iterable[Sequence[str]], receipt: Receipt) -> None:
    seen: set[str] = set()
    for ids in pages:
        for event_id in set(ids) - seen:
            receipt.by_place[journal.look(event_id).place] += 1
        seen.update(ids)


def _erase_all(journal: Journal, person: Person, receipt: Receipt) -> None:
    """Search until a whole search finds none but those that workers hold."""
    while True:
        erased = 0
        for ids in _theirs(journal, person):
            with step():
                erased += _erase(journal, ids, receipt)
        if not erased:
            return


def _erase(journal: Journal, ids: Sequence[str], receipt: Receipt) -> int:
    """Erase some events; answers how many are gone."""
    places = [
        "claimed" if event_id in receipt.claimed else journal.look(event_id).place
        for event_id in ids
    ]
    gone = 0
    for event_id, place, became in zip(ids, places, journal.erase(ids), strict=True):
        if became is Erased.CLAIMED:
            receipt.claimed.add(event_id)
        elif became is Erased.ERASED:
            receipt.claimed.discard(event_id)
            receipt.erased.append(event_id)
            receipt.by_place[place] += 1
            gone += 1
    return gone


def _wait(journal: Journal, person: Person, receipt: Receipt, longest_seconds: float) -> None:
    """Wait for events that workers hold, then make sure that none is left."""
    if receipt.claimed:
        complain(f"waiting for {counted(len(receipt.claimed), 'event')} that workers hold")
    until = time.monotonic() + longest_seconds
    while receipt.claimed and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        held = sorted(receipt.claimed)
        with step():
            _erase(journal, held, receipt)
            _note_gone(journal, [one for one in held if one in receipt.claimed], receipt)
    _erase_all(journal, person, receipt)


def _note_gone(journal: Journal, held: Sequence[str], receipt: Receipt) -> None:
    """Those that left by themselves: erased by their worker's last word, or finished."""
    for event_id in held:
        place = journal.look(event_id).place
        if place == "finished":
            receipt.claimed.discard(event_id)
            receipt.finished.append(event_id)
        elif place == "unknown":
            receipt.claimed.discard(event_id)
            receipt.erased.append(event_id)
            receipt.by_place["claimed"] += 1


def _ask() -> None:
    """Ask whether it is meant.

    Raises:
        Exit: The answer is no, or there is nobody to answer.
    """
    typer.echo("Erase every event of this person for good? [y/N]: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        if not answer.endswith("\n"):
            typer.echo(err=True)
        fail(ExitCode.NEGATIVE, "nothing was erased; --yes erases without a question")
