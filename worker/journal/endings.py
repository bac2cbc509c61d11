"""Reads how and when a finished event left the journal. Pure.

The scripts write ten bytes for each event (`lua/events.lua`): six for a digest of its id, three for
the seconds since its dedupe generation began, and one letter.
"""

from dataclasses import dataclass

from worker.reasons import DiscardReason, SkipReason

#: A letter's meaning must never change, because journals contain it.
DELIVERED_LETTER = "a"
SKIPPED_LETTERS = {
    SkipReason.DISABLED: "A",
    SkipReason.NO_CONSENT: "B",
    SkipReason.UNSUPPORTED_TYPE: "C",
    SkipReason.ANONYMOUS_IDENTIFY: "D",
    SkipReason.MISSING_ORDER_ID: "E",
    SkipReason.UNMAPPED_EVENT: "F",
}
DISCARDED_LETTERS = {
    DiscardReason.OPERATOR: "1",
    DiscardReason.DEAD_EXPIRED: "2",
    DiscardReason.DEAD_OVERFLOW: "3",
    DiscardReason.DEAD_EXPIRED_REVENUE: "4",
    DiscardReason.DEAD_OVERFLOW_REVENUE: "5",
    DiscardReason.ERASED: "6",
}

_DIGEST_BYTES = 6
_BYTES = 10

#: A prime below 2^44. With digests of at most 44 bits Lua, too, computes every step exactly.
_PRIME = 17592186044399

_MEANINGS: dict[str, tuple[str, str | None]] = {
    DELIVERED_LETTER: ("delivered", None),
    **{letter: ("skipped", str(reason)) for reason, letter in SKIPPED_LETTERS.items()},
    **{letter: ("discarded", str(reason)) for reason, letter in DISCARDED_LETTERS.items()},
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How an event left the journal."""

    #: `delivered`, `skipped` or `discarded`; `finished` if the letter is of a later version.
    how: str
    reason: str | None
    #: Unix milliseconds, exact to the second.
    at_ms: int


def find_ending(event_id: str, noted: bytes, began_ms: int) -> Ending | None:
    """Find the latest ending of an event; None if there is none.

    Two ids have the same digest with a chance of one to 17 million million.

    Args:
        event_id: The event's id.
        noted: The endings, ten bytes each, oldest first.
        began_ms: When their dedupe generation began, in unix milliseconds.
    """
    digest = _digest_of(event_id.encode())
    position = noted.rfind(digest)
    while position >= 0 and position % _BYTES:
        position = noted.rfind(digest, 0, position + _DIGEST_BYTES - 1)
    if position < 0:
        return None
    rest = noted[position + _DIGEST_BYTES : position + _BYTES]
    how, reason = _MEANINGS.get(chr(rest[-1]), ("finished", None))
    return Ending(how, reason, began_ms + int.from_bytes(rest[:-1]) * 1000)


def _digest_of(text: bytes) -> bytes:
    digest = 0
    for position in range(0, len(text), 4):
        word = int.from_bytes(text[position : position + 4], "little")
        digest = (digest * 127 + word) % _PRIME
    return digest.to_bytes(_DIGEST_BYTES)
