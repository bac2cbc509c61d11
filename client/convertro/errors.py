"""What callers of this package may have to catch, besides wrong settings and events.

ConvertroError
└── JournalUnavailable
"""


class ConvertroError(Exception):
    """Something went wrong in the Convertro destination."""


class JournalUnavailable(ConvertroError):  # noqa: N818  the public name says what is so
    """Redis did not carry out a step of the journal: it is down, hung, full or read-only.

    A step is atomic, so nothing is half-done. If the connection broke, the step may have
    been carried out all the same; repeating it is safe, because ids deduplicate.
    """

    def __init__(self, reason: str, accepted: tuple[str, ...] = ()) -> None:
        super().__init__(f"the journal in Redis is unavailable: {reason}")
        #: What Redis or the connection said.
        self.reason = reason
        #: Ids that an `enqueue_many` knows to be in the journal nevertheless.
        self.accepted = accepted
