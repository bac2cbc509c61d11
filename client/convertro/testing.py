"""Collects what an application under test enqueues, without a server.

with collect() as collected:
    place_order()
assert [event["event"] for event in collected.events] == ["Order Completed"]
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from convertro.async_client import AsyncClient
from convertro.client import Client
from convertro.errors import JournalUnavailable
from convertro.intake import Row
from convertro.intake_journal import IntakeJournal
from convertro.segment_event import decode

#: Identifies a journal: host (or the master's name), port, database, prefix.
_Where = tuple[str, int, int, str]

_real_accept = IntakeJournal.accept

#: The `collect()` blocks that are running, the innermost last.
_open: list["Collected"] = []
_lock = Lock()


class Collected:
    """The events enqueued in a `collect()` block, in order, each id once for each journal.

    Collecting takes no lock, so any thread and any signal handler may enqueue.
    """

    def __init__(self) -> None:
        self._events: dict[tuple[_Where, str], dict[str, Any]] = {}
        self._refusals: list[None] = []
        self._refusing = False

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as workers would read them."""
        return list(self._events.values())

    @property
    def ids(self) -> list[str]:
        """The events' ids, in the same order."""
        return [event_id for _, event_id in list(self._events)]

    def events_of(self, client: Client | AsyncClient) -> list[dict[str, Any]]:
        """Get the events in one client's journal, for applications with several journals."""
        where = _where(client._journal)  # noqa: SLF001  one package
        return [event for (place, _), event in list(self._events.items()) if place == where]

    def refuse_once(self) -> None:
        """Make the next call raise `JournalUnavailable`."""
        self._refusals.append(None)

    def refuse(self) -> None:
        """Make every call raise `JournalUnavailable`, until `accept()`."""
        self._refusing = True

    def accept(self) -> None:
        """End what `refuse()` and `refuse_once()` began."""
        self._refusing = False
        self._refusals.clear()

    def _take(self, journal: IntakeJournal, rows: Sequence[Row]) -> tuple[bool, ...]:
        """Stand in for the journal's `accept`; return for each event whether it is new."""
        if self._refusing or self._is_refused_once():
            raise JournalUnavailable("the test refuses")
        where = _where(journal)
        events = [((where, event_id), decode(raw)) for event_id, raw in rows]
        return tuple(self._events.setdefault(key, event) is event for key, event in events)

    def _is_refused_once(self) -> bool:
        try:
            self._refusals.pop()
        except IndexError:
            return False
        return True


@contextmanager
def collect() -> Iterator[Collected]:
    """Collect what any client and thread of this process enqueues while the block runs.

    Only the server is missing: invalid events are refused, ids are made, and known ids change
    nothing. Of nested blocks the innermost collects. Await the calls of an `AsyncClient` before
    the block ends.
    """
    collected = Collected()
    with _lock:
        _open.append(collected)
        _replace()
    try:
        yield collected
    finally:
        with _lock:
            _open.remove(collected)
            _replace()


def _replace() -> None:
    """Direct events to the innermost block, or to the journal if no block runs."""
    if not _open:
        IntakeJournal.accept = _real_accept  # type: ignore[method-assign]  # restored
        return
    innermost = _open[-1]

    def accept(self: IntakeJournal, events: Sequence[Row], *, offered: int = 0) -> tuple[bool, ...]:
        del offered  # there are no workers to wake
        return innermost._take(self, events)  # noqa: SLF001  one module

    IntakeJournal.accept = accept  # type: ignore[method-assign]  # until the block ends


def _where(journal: IntakeJournal) -> _Where:
    pool: Any = journal._redis.connection_pool  # noqa: SLF001  one package
    given = pool.connection_kwargs
    host = getattr(pool, "service_name", None) or given["host"]
    return host, given.get("port", 6379), given.get("db") or 0, journal._key("")  # noqa: SLF001
