"""The exceptions that this package raises.

ConvertroError
├── InvalidEvent, also a ValueError
│   └── InvalidEvents
├── JournalUnavailable
└── SettingsError, also a ValueError
"""

#: Most characters of a field's name that an error repeats; for a longer name it says `event`.
_MAX_FIELD_LENGTH = 100


class ConvertroError(Exception):
    """Something went wrong in the Convertro destination."""


class InvalidEvent(ConvertroError, ValueError):  # noqa: N818  the public name states what is wrong
    """The event can never be accepted: correct the named field, then send the event again."""

    def __init__(self, field: str, reason: str) -> None:
        # The name comes from the event, and the error is shown on terminals and in logs.
        if not 0 < len(field) <= _MAX_FIELD_LENGTH or not field.isprintable():
            field = "event"
        # Both go to the base class, so that the error survives pickling between processes.
        super().__init__(field, reason)
        #: The wrong field in Segment's spelling; `event` for the event as a whole.
        self.field = field
        #: What is wrong with the field: the rest of a sentence that begins with its name.
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
        self.args = (errors, ids)  # unpickling calls the class with these
        #: The error of each refused event, by its index in the list.
        self.errors = errors
        #: The id of each event by its index in the list; None for a refused event.
        self.ids = ids


class JournalUnavailable(ConvertroError):  # noqa: N818  the public name states what is wrong
    """Redis did not carry out a step of the journal: it is down, hung, full or read-only.

    A step is atomic, so nothing is half-done. If the connection broke, Redis may have carried
    out the step all the same. Repeating it with the same ids is safe, because the journal
    ignores ids that it knows.
    """

    def __init__(
        self, reason: str, accepted: tuple[str, ...] = (), ids: tuple[str | None, ...] = ()
    ) -> None:
        super().__init__(reason, accepted, ids)
        #: The error of Redis or of the connection, as text.
        self.reason = reason
        #: Ids of the events that are in the journal in spite of the error.
        self.accepted = accepted
        #: The id of each event that was read before the error, by its index; None for an event that
        #: can never be accepted. An event sent again with its id as `messageId` is accepted once.
        self.ids = ids

    @property
    def event_id(self) -> str | None:
        """The id of the first event that may not be in the journal; `enqueue` has but one event."""
        safe = set(self.accepted)
        return next((name for name in self.ids if name is not None and name not in safe), None)

    def __str__(self) -> str:
        return f"the journal in Redis is unavailable: {self.reason}"


class SettingsError(ConvertroError, ValueError):
    """A setting is wrong or contradicts another; the message names the variable."""
