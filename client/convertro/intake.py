"""Puts events into the journal, in chunks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from convertro.errors import InvalidEvent, InvalidEvents, JournalUnavailable
from convertro.refusal import Refusal
from convertro.segment_event import encode, event_id

#: Most events and bytes in one round trip. An event keeps Redis busy for some 30 µs, in which it
#: does nothing else.
CHUNK_EVENTS = 100
CHUNK_BYTES = 1024 * 1024

#: Most wake-ups that one accept may send; the ticker sends the rest.
OFFERED_WAKEUPS = 8

Row = tuple[str, bytes]


@dataclass(slots=True)
class Taken:
    """The result of accepting many events."""

    #: The id of each event by its index; None for a refused event.
    ids: list[str | None] = field(default_factory=list)
    #: The error of each refused event, by its index.
    errors: dict[int, InvalidEvent] = field(default_factory=dict)
    #: How many accepted events were no duplicates.
    new: int = 0

    @property
    def duplicates(self) -> int:
        """How many events the journal had accepted before, so that they changed nothing."""
        return len(self.ids) - len(self.errors) - self.new


class RowsJournal(Protocol):
    """A journal that accepts events, such as `IntakeJournal`."""

    def accept(self, events: Sequence[Row], *, offered: int) -> Sequence[bool]:
        """Accept events and wake workers; return for each event whether it is new."""


class Intake:
    """Puts events into the journal, and refuses them at once while Redis hangs."""

    def __init__(self, journal: RowsJournal) -> None:
        self._journal = journal
        self._refusal = Refusal()

    def enqueue(self, event: Any) -> str:
        """Put one event into the journal; see `Client.enqueue`."""
        row = row_of(event)
        self.accept([row], offered=1)
        return row[0]

    def enqueue_many(self, events: Iterable[Any]) -> list[str]:
        """Put many events into the journal; see `Client.enqueue_many`."""
        taken = self.take(events)
        if taken.errors:
            raise InvalidEvents(taken.errors, taken.ids)
        return [identifier for identifier in taken.ids if identifier is not None]

    def take(self, events: Iterable[Any]) -> Taken:
        """Put many events into the journal; return ids, refused events and the number of new ones.

        Raises:
            JournalUnavailable: Its `accepted` has the ids of the events that are in the journal.
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
        """Put checked events into the journal in one round trip; return which are new.

        Args:
            rows: The id and the bytes of each event.
            offered: The most deliver tasks to wake.

        Raises:
            JournalUnavailable: Its `ids` are the ids of these events.
        """
        try:
            with self._refusal:
                return self._journal.accept(rows, offered=offered)
        except JournalUnavailable as error:
            error.ids = tuple(identifier for identifier, _ in rows)
            error.args = (error.reason, error.accepted, error.ids)
            raise


def row_of(event: Any) -> Row:
    """Encode an event; return its id and its bytes.

    Raises:
        InvalidEvent: The event can never be accepted.
    """
    raw = encode(event)
    return event_id(event, raw), raw


def _rows(events: Iterable[Any], taken: Taken) -> Iterator[Row]:
    """Encode the events, and store the id or the error of each in `taken`."""
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
