"""The client by which an application enqueues."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Self

from convertro.connection import PRODUCER_TIMEOUT_SECONDS
from convertro.environment import open_journal
from convertro.intake import Intake


class Client:
    """Puts raw Segment events into the journal; it connects when the first one comes.

    One client serves all threads of a process and its forked children. An argument that is left
    out is read from the environment variable that the worker reads too.

    Args:
        url: The journal's Redis: `redis://`, `rediss://`, or `sentinel://host:26379;…`. By
            default `CONVERTRO_REDIS_URL`, else `redis://127.0.0.1:6379/0`.
        prefix: The beginning of every key of the journal. By default `CONVERTRO_KEY_PREFIX`, else
            `{convertro}:`.
        sentinel_master: The name under which the Sentinels of a `sentinel://` URL watch the
            master. By default `CONVERTRO_SENTINEL_MASTER`.
        sentinel_password: The password of the Sentinels themselves. By default
            `CONVERTRO_SENTINEL_PASSWORD`.
        durability: When an event is accepted: `memory`, once Redis has it, or `fsync`, once it is
            on the disk of Redis. By default `CONVERTRO_DURABILITY`, else `memory`.
        timeout_seconds: Longest wait for name lookup and connection together, and again for an
            answer.

    Raises:
        SettingsError: A value is wrong; the message names the argument or the variable.
    """

    def __init__(  # noqa: PLR0913  each is a setting of its own
        self,
        url: str | None = None,
        *,
        prefix: str | None = None,
        sentinel_master: str | None = None,
        sentinel_password: str | None = None,
        durability: str | None = None,
        timeout_seconds: float = PRODUCER_TIMEOUT_SECONDS,
    ) -> None:
        self._journal = open_journal(
            url,
            prefix=prefix,
            sentinel_master=sentinel_master,
            sentinel_password=sentinel_password,
            durability=durability,
            timeout_seconds=timeout_seconds,
        )
        self._intake = Intake(self._journal)

    def enqueue(self, event: Mapping[str, object]) -> str:
        """Put one raw Segment event into the journal; when this returns, the event is stored.

        Within the dedupe window a `messageId` that was accepted before changes nothing, so a
        failed call may be repeated.

        Returns:
            The event's id: its `messageId`, or one made from its content if it says when it
            happened, else a random one.

        Raises:
            InvalidEvent: The event can never be accepted; the error names the field.
            JournalUnavailable: Redis is down, hung or full, or did not write to its disk although
                `durability` is `fsync`. The error's `event_id` is the event's id: to send the
                event again with this as its `messageId` is safe, whatever became of it.
        """
        return self._intake.enqueue(event)

    def enqueue_many(self, events: Iterable[Mapping[str, object]]) -> list[str]:
        """Put many raw Segment events into the journal, up to 100 in a round trip.

        Returns:
            Their ids, in order.

        Raises:
            InvalidEvents: Some events can never be accepted; `errors` has them by index. All
                others were accepted.
            JournalUnavailable: As for `enqueue`. `accepted` has the ids of the events that are in
                the journal, `ids` those of all events that were read before the error.
        """
        return self._intake.enqueue_many(events)

    def close(self) -> None:
        """Close the connections; the next call opens a new one."""
        self._journal.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _default_client() -> Client:
    return Client()


def enqueue(event: Mapping[str, object]) -> str:
    """Put one raw Segment event into the journal that the environment names.

    See `Client.enqueue`.

    Raises:
        InvalidEvent: The event can never be accepted; the error names the field.
        JournalUnavailable: Redis is down, hung or full; usually raised within 2 s, at worst 2.7 s.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return _default_client().enqueue(event)


def enqueue_many(events: Iterable[Mapping[str, object]]) -> list[str]:
    """Put many raw Segment events into the journal that the environment names.

    See `Client.enqueue_many`.

    Raises:
        InvalidEvents: Some events can never be accepted; all others were accepted.
        JournalUnavailable: As for `enqueue`.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return _default_client().enqueue_many(events)
