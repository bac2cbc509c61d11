"""Counts dead letters by what they have in common: `convertro dead list --by`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from worker.cli.dead.selection import UNKNOWN_REASON, with_events
from worker.cli.terminal.record_view import event_name_of
from worker.journal.journal import Journal
from worker.journal.reading import DeadLetter
from worker.status.answer_form import form_of
from worker.status.wording import iso_time

#: A dead letter and its raw event; None if the event is missing.
_Letter = tuple[DeadLetter, bytes | None]


def _answer_of(letter: _Letter) -> str | None:
    """The status and the form of the last answer; the outcome's detail if there was no text."""
    record, raw = letter[0].record, letter[1]
    if not record.outcomes:
        return None
    last = record.outcomes[-1]
    if not last.said:
        return last.detail
    form = form_of(last.said, raw)
    return form if last.status is None else f"{last.status} {form}"


#: What each word of `--by` groups dead letters by.
_WAYS: dict[str, Callable[[_Letter], object]] = {
    "reason": lambda letter: letter[0].record.reason or UNKNOWN_REASON,
    "event": lambda letter: event_name_of(letter[1]),
    "status": lambda letter: letter[0].record.status,
    "class": lambda letter: letter[0].record.outcome_class,
    "answer": _answer_of,
}


@dataclass(frozen=True, slots=True)
class GroupBy:
    """The words of `--by`."""

    #: Each word once, in the order given.
    words: tuple[str, ...]


@dataclass(slots=True)
class Group:
    """Dead letters that agree in everything that `--by` names."""

    #: What they have in common, in the order of the words.
    kind: tuple[object, ...]
    number: int = 0
    oldest_ms: int = 0
    #: The time at which the newest one died, and its id, for `convertro dead show`.
    newest_ms: int = -1
    newest_id: str = ""

    def take(self, letter: DeadLetter) -> None:
        """Count one more dead letter."""
        if not self.number or letter.died_at_ms < self.oldest_ms:
            self.oldest_ms = letter.died_at_ms
        if letter.died_at_ms >= self.newest_ms:
            self.newest_ms, self.newest_id = letter.died_at_ms, letter.event_id
        self.number += 1


def parse_group_by(words: str) -> GroupBy:
    """Read `reason,event`.

    Raises:
        ValueError: A word is unknown, or there is none.
    """
    found = tuple(dict.fromkeys(word.strip() for word in words.split(",")))
    for word in found:
        if word not in _WAYS:
            raise ValueError(f"{word!r} is not one of {', '.join(_WAYS)}")
    return GroupBy(found)


def groups(journal: Journal, letters: Iterable[DeadLetter], by: GroupBy) -> list[Group]:
    """Count dead letters by kind, the most frequent kind first."""
    found: dict[tuple[object, ...], Group] = {}
    for letter, raw in with_events(journal, letters):
        kind = tuple(_WAYS[word]((letter, raw)) for word in by.words)
        found.setdefault(kind, Group(kind)).take(letter)
    return sorted(found.values(), key=lambda group: -group.number)


def document(group: Group, by: GroupBy) -> dict[str, Any]:
    """A group as JSON."""
    return {
        **dict(zip(by.words, group.kind, strict=True)),
        "number": group.number,
        "oldest_died_at": iso_time(group.oldest_ms),
        "newest_died_at": iso_time(group.newest_ms),
        "newest_id": group.newest_id,
    }
