"""The words of `convertro translate --why` for people."""

from worker.cli.why_view import BECAUSE
from worker.destination.why import Because


def test_there_are_words_for_everything_that_is_ignored() -> None:
    assert list(BECAUSE) == list(Because)
