"""Tables of the documentation that are generated from the code are up to date."""

import pytest

from worker.reasons import DeathReason, DiscardReason, Note, Reason, SkipReason
from worker.write_reference import DOCS, TABLES, filled


@pytest.mark.parametrize("page", TABLES)
def test_the_tables_say_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == filled(page), "run `make reference`"


@pytest.mark.parametrize("reasons", [SkipReason, DeathReason, Note, DiscardReason])
def test_each_reason_means_something_of_its_own(reasons: type[Reason]) -> None:
    assert len({reason.meaning for reason in reasons if reason.meaning}) == len(reasons)


def test_a_reason_without_a_meaning_is_refused() -> None:
    with pytest.raises(TypeError, match="meaning"):

        class Unexplained(Reason):
            WHY = "why"


def test_a_dead_letter_without_a_remedy_is_refused() -> None:
    assert [reason for reason in DeathReason if not reason.remedy] == []
