"""The command `convertro enqueue`: events from a file into the journal."""

import os
import stat
from dataclasses import dataclass
from gzip import GzipFile
from typing import IO

import typer

from convertro.errors import JournalUnavailable
from convertro.intake import CHUNK_EVENTS, Intake
from worker.cli.terminal.event_file import (
    FileArgument,
    Item,
    UnreadableFile,
    open_events,
    read_items,
)
from worker.cli.terminal.exit_codes import ExitCode, fail, fail_unavailable
from worker.cli.terminal.interrupts import step
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.output import JsonOption, json_line, say
from worker.cli.terminal.pacing import RateOption, paced
from worker.cli.terminal.progress import Bar, progress
from worker.status.wording import counted

_REPEATING_IS_SAFE = "repeating the command is safe, because ids deduplicate"


@dataclass(slots=True)
class _Tally:
    """What became of the file's events, counted."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0

    @property
    def safe(self) -> int:
        """The number of events that are certainly in the journal."""
        return self.accepted + self.duplicates

    @property
    def seen(self) -> int:
        """The number of events that were accepted or refused."""
        return self.safe + self.refused


def enqueue(file: FileArgument, *, rate: RateOption = None, as_json: JsonOption = False) -> None:
    """Put raw Segment events into the journal.

    FILE holds one event, an array of events, a batch as Segment's libraries post it
    ({"batch": [...]}), or JSONL with any of these in a line, gzip or not. It is UTF-8; a line, or a
    document that is not JSONL, has at most 256 MiB unpacked.

    An event that cannot be accepted is reported on standard error with its place, such as `line 1,
    batch 2, event 3`; the place of a document of several lines is its first line. All other events
    are accepted. A known id changes nothing for CONVERTRO_DEDUPE_SECONDS and counts as a duplicate,
    so the command may be repeated.

    An event without an id gets a digest of its content. Equal ones without a time are numbered
    within the file, which takes 130 bytes of memory for each different one. Those of a second file
    count as duplicates, so put such files together.

    --rate leaves Convertro's limits and room in the journal to live traffic.

    Example: convertro enqueue events.jsonl

    Example: convertro enqueue history.jsonl --rate 200/s

    Example: cat events-*.jsonl.gz | convertro enqueue -

    Exit codes: 0 all accepted, 1 some refused, 2 no such file, no JSON or damaged gzip, 3
    Redis is unavailable, 130 interrupted.
    """
    intake = open_journal().intake
    tally = _Tally()
    try:
        with open_events(file) as events, progress("Enqueuing", _size_of(events)) as bar:
            for chunk in paced(read_items(events), rate, at_once=CHUNK_EVENTS):
                with step():
                    _take(intake, chunk, tally, bar)
                bar.advance(position=chunk[-1].end, events=tally.seen)
    except UnreadableFile as error:
        fail(ExitCode.USAGE, f"{file} cannot be read: {error}; {_safely_in(tally.safe)}")
    except JournalUnavailable as error:
        fail_unavailable(error, _safely_in(tally.safe + len(error.accepted)))
    except KeyboardInterrupt:
        fail(ExitCode.INTERRUPTED, f"interrupted; {_safely_in(tally.safe)}")
    _say_tally(tally, as_json=as_json)
    if tally.refused:
        raise typer.Exit(ExitCode.NEGATIVE)


def _take(intake: Intake, chunk: list[Item], tally: _Tally, bar: Bar) -> None:
    """Put the readable events of a chunk into the journal and report the others."""
    readable = [item for item in chunk if item.error is None]
    taken = intake.take(item.identified for item in readable)
    tally.accepted += taken.new
    tally.duplicates += taken.duplicates
    faults = {item.where: item.error for item in chunk}
    faults |= {readable[index].where: error for index, error in taken.errors.items()}
    for where, error in faults.items():
        if error is not None:
            tally.refused += 1
            bar.note(f"{where}: {error}")


def _size_of(file: IO[bytes]) -> int | None:
    """The size in bytes; None for a pipe and for gzip, whose unpacked size is not known."""
    status = os.fstat(file.fileno())
    is_told = stat.S_ISREG(status.st_mode) and not isinstance(file, GzipFile)
    return status.st_size if is_told else None


def _safely_in(number: int) -> str:
    verb = "is" if number == 1 else "are"
    return f"{counted(number, 'event')} {verb} safely in, and {_REPEATING_IS_SAFE}"


def _say_tally(tally: _Tally, *, as_json: bool) -> None:
    if as_json:
        counts = {"accepted": tally.accepted, "duplicates": tally.duplicates}
        say(json_line({**counts, "refused": tally.refused}))
    else:
        say(
            f"accepted {tally.accepted:,}, duplicates {tally.duplicates:,}, "
            f"refused {tally.refused:,}"
        )
