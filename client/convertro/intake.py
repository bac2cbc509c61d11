"""How events get into the journal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from convertro.errors import JournalUnavailable
from convertro.intake_journal import Accepted
from convertro.segment_event import InvalidEvent, encode, event_id

#: Events and bytes in one round trip at most: some 30 µs an event, during which Redis does nothing
#: else.
CHUNK_EVENTS = 100
_CHUNK_BYTES = 1024 * 1024

#: Wake-ups that one accept may ask for; the ticker rings for the rest.
OFFERED_WAKEUPS = 8

Row = tuple[str, bytes]


class InvalidEvents(InvalidEvent):
    """Some events of a list can never be accepted; the others were accepted."""

    def __init__(self, errors: dict[int, InvalidEvent], ids: list[str | None]) -> None:
        first = min(errors)
        super().__init__(
            f"{errors[first].field} of event {first}",
            f"{errors[first].reason} ({len(errors)} of {len(ids)} events refused)",
        )
        #: What is wrong, by the event's index in the list.
        self.errors = errors
        #: The id of each accepted event by index, None for a refused one.
        self.ids = ids


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


class _Journal(Protocol):
    def accept(self, events: Sequence[Row], tokens: Sequence[str]) -> Accepted:
        """Take events in, each as its id and raw bytes; known ids change nothing."""


class _Wakeups(Protocol):
    def offer(self, number: int = 1) -> list[str]:
        """Fresh tokens; none while the broker fails."""

    def publish(self, tokens: Sequence[str]) -> None:
        """Send a wake-up for each token; never raises."""


class Intake:
    """Takes events into the journal and rings for them."""

    def __init__(self, journal: _Journal, wakeups: _Wakeups) -> None:
        self._journal = journal
        self._wakeups = wakeups

    def enqueue(self, event: Any) -> str:
        """Take one event in; see `tasks.enqueue`."""
        raw = encode(event)
        row = (event_id(event, raw), raw)
        self._accept([row], offered=1)
        return row[0]

    def enqueue_many(self, events: Iterable[Any]) -> list[str]:
        """Take many events in; see `tasks.enqueue_many`."""
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
        for chunk in _chunks(_rows(events, taken.ids, taken.errors)):
            try:
                taken.new += self._accept(chunk, offered=OFFERED_WAKEUPS)
            except JournalUnavailable as error:
                raise JournalUnavailable(error.reason, tuple(accepted)) from error
            accepted.extend(identifier for identifier, _ in chunk)
        return taken

    def _accept(self, rows: Sequence[Row], offered: int) -> int:
        tokens = self._wakeups.offer(offered)
        answer = self._journal.accept(rows, tokens)
        self._wakeups.publish(tokens[: answer.rung])
        return sum(answer.new)


def _rows(
    events: Iterable[Any], ids: list[str | None], errors: dict[int, InvalidEvent]
) -> Iterator[Row]:
    """Encode the events, noting the id or the error of each."""
    for index, event in enumerate(events):
        try:
            raw = encode(event)
            ids.append(event_id(event, raw))
        except InvalidEvent as error:
            errors[index] = error
            ids.append(None)
            continue
        yield ids[-1] or "", raw


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row[1])
        if len(chunk) == CHUNK_EVENTS or size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
