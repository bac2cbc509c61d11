"""How events get into the journal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from convertro.errors import InvalidEvent, InvalidEvents, JournalUnavailable
from convertro.refusal import Refusal
from convertro.segment_event import encode, event_id

#: Events and bytes in one round trip at most: some 30 µs an event, during which Redis does nothing
#: else.
CHUNK_EVENTS = 100
CHUNK_BYTES = 1024 * 1024

#: Wake-ups that one accept may ask for; the ticker rings for the rest.
OFFERED_WAKEUPS = 8

Row = tuple[str, bytes]


@dataclass(slots=True)
class Taken:
    """What became of many events."""

    #: The id of each event by index, None for a refused one.
    ids: list[str | None] = field(default_factory=list)
    #: What is wrong with the refused ones, by index.
    errors: dict[int, InvalidEvent] = field(default_factory=dict)
    #: How many were new; the rest of the accepted ones were known already.
    new: int = 0

    @property
    def duplicates(self) -> int:
        """How many were accepted before, so that they changed nothing."""
        return len(self.ids) - len(self.errors) - self.new


class RowsJournal(Protocol):
    """What takes events in."""

    def accept(self, events: Sequence[Row], *, offered: int) -> Sequence[bool]:
        """Take events in and wake workers; answers which are new."""


class Intake:
    """Takes events into the journal, and refuses at once while Redis hangs."""

    def __init__(self, journal: RowsJournal) -> None:
        self._journal = journal
        self._refusal = Refusal()

    def enqueue(self, event: Any) -> str:
        """Take one event in; see `Client.enqueue`."""
        row = row_of(event)
        self.accept([row], offered=1)
        return row[0]

    def enqueue_many(self, events: Iterable[Any]) -> list[str]:
        """Take many events in; see `Client.enqueue_many`."""
        taken = self.take(events)
        if taken.errors:
            raise InvalidEvents(taken.errors, taken.ids)
        return [identifier for identifier in taken.ids if identifier is not None]

    def take(self, events: Iterable[Any]) -> Taken:
        """Take many events in, but report those that can never be accepted, and duplicates.

        Raises:
            JournalUnavailable: Its `accepted` has the ids that are safe.
        """
        taken = Taken()
        accepted: list[str] = []
        for chunk in _chunks(_rows(events, taken)):
            try:
                taken.new += sum(self.accept(chunk, offered=OFFERED_WAKEUPS))
            except JournalUnavailable as error:
                ids = tuple(taken.ids)
                raise JournalUnavailable(error.reason, tuple(accepted), ids) from error
            accepted.extend(identifier for identifier, _ in chunk)
        return taken

    def accept(self, rows: Sequence[Row], *, offered: int) -> Sequence[bool]:
        """Take events in that were checked, in one round trip; answers which are new.

        Args:
            rows: Each as its id and its bytes.
            offered: Most workers to wake.

        Raises:
            JournalUnavailable: Its `ids` are those of the events.
        """
        try:
            with self._refusal:
                return self._journal.accept(rows, offered=offered)
        except JournalUnavailable as error:
            error.ids = tuple(identifier for identifier, _ in rows)
            error.args = (error.reason, error.accepted, error.ids)
            raise


def row_of(event: Any) -> Row:
    """An event's id and its bytes.

    Raises:
        InvalidEvent: It can never be accepted.
    """
    raw = encode(event)
    return event_id(event, raw), raw


def _rows(events: Iterable[Any], taken: Taken) -> Iterator[Row]:
    """Encode the events, noting the id or the error of each."""
    for index, event in enumerate(events):
        try:
            row = row_of(event)
        except InvalidEvent as error:
            taken.errors[index] = error
            taken.ids.append(None)
            continue
        taken.ids.append(row[0])
        yield row


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row[1])
        if len(chunk) == CHUNK_EVENTS or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
