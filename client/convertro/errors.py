"""What callers of this package may have to catch.

ConvertroError
├── InvalidEvent, also a ValueError
│   └── InvalidEvents
├── JournalUnavailable
└── SettingsError, also a ValueError
"""

#: A longer name of a field is not repeated in an error.
_MAX_FIELD_LENGTH = 100


class ConvertroError(Exception):
    """Something went wrong in the Convertro destination."""


class InvalidEvent(ConvertroError, ValueError):  # noqa: N818  the public name says what is so
    """The event can never be accepted: correct the field that is named, then send it again."""

    def __init__(self, field: str, reason: str) -> None:
        # Names come from the event: errors are sentences on terminals and in logs.
        if not 0 < len(field) <= _MAX_FIELD_LENGTH or not field.isprintable():
            field = "event"
        # Both go to the base class, so that the error survives pickling between processes.
        super().__init__(field, reason)
        #: Which field is wrong, in Segment's spelling; `event` is the event as a whole.
        self.field = field
        #: What is wrong with it: the rest of a sentence that begins with the field.
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field} {self.reason}"


class InvalidEvents(InvalidEvent):
    """Some events of a list can never be accepted; the others were accepted."""

    def __init__(self, errors: dict[int, InvalidEvent], ids: list[str | None]) -> None:
        first = min(errors)
        super().__init__(
            f"{errors[first].field} of event {first}",
            f"{errors[first].reason} ({len(errors)} of {len(ids)} events refused)",
        )
        self.args = (errors, ids)  # what unpickling makes it anew from
        #: What is wrong, by the event's index in the list.
        self.errors = errors
        #: The id of each accepted event by index, None for a refused one.
        self.ids = ids


class JournalUnavailable(ConvertroError):  # noqa: N818  the public name says what is so
    """Redis did not carry out a step of the journal: it is down, hung, full or read-only.

    A step is atomic, so nothing is half-done. If the connection broke, the step may have
    been carried out all the same; repeating it under the same ids is safe, because ids
    deduplicate.
    """

    def __init__(
        self, reason: str, accepted: tuple[str, ...] = (), ids: tuple[str | None, ...] = ()
    ) -> None:
        super().__init__(reason, accepted, ids)
        #: What Redis or the connection said.
        self.reason = reason
        #: Ids of the events that are in the journal nevertheless.
        self.accepted = accepted
        #: The id of each event that was looked at, by its index; None for one that can never be
        #: accepted. Whoever sends an event again with this as its `messageId` sends it once.
        self.ids = ids

    @property
    def event_id(self) -> str | None:
        """The id of the first event that may not be in the journal: that of `enqueue`'s."""
        safe = set(self.accepted)
        return next((name for name in self.ids if name is not None and name not in safe), None)

    def __str__(self) -> str:
        return f"the journal in Redis is unavailable: {self.reason}"


class SettingsError(ConvertroError, ValueError):
    """A setting is wrong or contradicts another; the message names the variable."""
