"""The way of an application into the journal."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Self

from convertro.connection import PRODUCER_TIMEOUT_SECONDS
from convertro.environment import open_journal
from convertro.intake import Intake


class Client:
    """Hands raw Segment events to the journal; nothing connects before the first one.

    One client serves all threads of a process and its forked children. Whatever is not given is
    read from the environment, as the worker reads it.

    Args:
        url: The journal's Redis: `redis://`, `rediss://`, or `sentinel://host:26379;…`. Else
            `CONVERTRO_REDIS_URL`, else `redis://127.0.0.1:6379/0`.
        prefix: With which every key of the journal begins. Else `CONVERTRO_KEY_PREFIX`, else
            `{convertro}:`.
        sentinel_master: Under which name the Sentinels of a `sentinel://` URL watch the master.
            Else `CONVERTRO_SENTINEL_MASTER`.
        sentinel_password: The password of the Sentinels themselves. Else
            `CONVERTRO_SENTINEL_PASSWORD`.
        durability: When an event counts as taken in: `memory`, once Redis has it, or `fsync`,
            once it is on the disk of Redis. Else `CONVERTRO_DURABILITY`, else `memory`.
        timeout_seconds: Longest wait for a name lookup and a connection, and as long again for
            an answer.

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
        """Hand over one raw Segment event; when this returns, it is safe in the journal.

        The same `messageId` again within the dedupe window changes nothing, so a failed call
        may be repeated.

        Returns:
            The event's id: its `messageId`, or one made from its content if it says when it
            happened, else a random one.

        Raises:
            InvalidEvent: It can never be accepted; the error names the field.
            JournalUnavailable: Redis is down, hung or full, or did not write to its disk although
                `durability` asks for it. Its `event_id` is the id that was to be used: to send
                the event again with it as the `messageId` is safe, whatever became of it.
        """
        return self._intake.enqueue(event)

    def enqueue_many(self, events: Iterable[Mapping[str, object]]) -> list[str]:
        """Hand over many raw Segment events, up to 100 in a round trip.

        Returns:
            Their ids, in order.

        Raises:
            InvalidEvents: Some can never be accepted, its `errors` say which by index; all
                others were accepted.
            JournalUnavailable: As for `enqueue`; `accepted` has the ids that are safe, `ids` the
                id of each event that was looked at.
        """
        return self._intake.enqueue_many(events)

    def close(self) -> None:
        """Close the connections; the next event opens a new one."""
        self._journal.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _default_client() -> Client:
    return Client()


def enqueue(event: Mapping[str, object]) -> str:
    """Hand over one raw Segment event, to the journal that the environment names.

    See `Client.enqueue`.

    Raises:
        InvalidEvent: It can never be accepted; the error names the field.
        JournalUnavailable: Redis is down, hung or full; raised within 2 s.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return _default_client().enqueue(event)


def enqueue_many(events: Iterable[Mapping[str, object]]) -> list[str]:
    """Hand over many raw Segment events, to the journal that the environment names.

    See `Client.enqueue_many`.

    Raises:
        InvalidEvents: Some can never be accepted; all others were accepted.
        JournalUnavailable: As for `enqueue`.
        SettingsError: A `CONVERTRO_*` variable is wrong.
    """
    return _default_client().enqueue_many(events)
