"""For tests of an application: collects what it would enqueue, without a server.

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

#: What tells journals apart: host (or the master's name), port, database, prefix.
_Where = tuple[str, int, int, str]

_real_accept = IntakeJournal.accept

#: The blocks that are open now, the innermost last.
_open: list["Collected"] = []
_lock = Lock()


class Collected:
    """What was enqueued in a `collect()` block, in order, each id once for each journal.

    No lock is held while events come in: any thread and any signal handler may enqueue.
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
        """Their ids, in the same order."""
        return [event_id for _, event_id in list(self._events)]

    def events_of(self, client: Client | AsyncClient) -> list[dict[str, Any]]:
        """The events in one client's journal, for applications with several journals."""
        where = _where(client._journal)  # noqa: SLF001  one package
        return [event for (place, _), event in list(self._events.items()) if place == where]

    def refuse_once(self) -> None:
        """Let the next call raise `JournalUnavailable`."""
        self._refusals.append(None)

    def refuse(self) -> None:
        """Let every call raise `JournalUnavailable`, until `accept()`."""
        self._refusing = True

    def accept(self) -> None:
        """Refuse no more."""
        self._refusing = False
        self._refusals.clear()

    def _take(self, journal: IntakeJournal, rows: Sequence[Row]) -> tuple[bool, ...]:
        """Do what the journal's accept does; answers which are new."""
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
    """Collect what this process enqueues, by whichever client and thread, while the block runs.

    Everything but the server is real: invalid events are refused, ids are made, and known ids
    change nothing. Of blocks within each other the innermost collects. Await what an
    `AsyncClient` sends before the block ends.
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
    """Let events go to the innermost block, or to the journal if there is none."""
    if not _open:
        IntakeJournal.accept = _real_accept  # type: ignore[method-assign]  # as it was
        return
    innermost = _open[-1]

    def accept(self: IntakeJournal, events: Sequence[Row], *, offered: int = 0) -> tuple[bool, ...]:
        del offered  # there are no workers to wake
        return innermost._take(self, events)  # noqa: SLF001  one module

    IntakeJournal.accept = accept  # type: ignore[method-assign]  # for the time of the block


def _where(journal: IntakeJournal) -> _Where:
    pool: Any = journal._redis.connection_pool  # noqa: SLF001  one package
    given = pool.connection_kwargs
    host = getattr(pool, "service_name", None) or given["host"]
    return host, given.get("port", 6379), given.get("db") or 0, journal._key("")  # noqa: SLF001
