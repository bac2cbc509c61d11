"""The canary's fates and verdict."""

import pytest

from tests.support.cli_process import attempt
from worker.cli.dead.canary import Canary, Fate, fate_of
from worker.journal.reading import Sighting
from worker.journal.records import Record


def sighting(place: str, **fields: object) -> Sighting:
    record = Record(accepted_at_ms=0, **fields)  # type: ignore[arg-type]  # overrides by keyword
    return Sighting(place=place, record=record)


@pytest.mark.parametrize(
    ("seen", "fate"),
    [
        (Sighting(place="finished"), Fate("finished")),
        (Sighting(place="unknown"), Fate("unknown")),
        (sighting("due"), None),
        (sighting("claimed"), None),
        (sighting("dead", reason="rejected", status=400), Fate("dead", "rejected http_400")),
        (sighting("dead", reason="no_identity"), Fate("dead", "no_identity")),
        (sighting("waiting", outcomes=(attempt(),)), Fate("waiting", "http_400")),
        # Its wait for a retry ended before it was looked up.
        (sighting("due", postponed=1, outcomes=(attempt(),)), Fate("waiting", "http_400")),
    ],
)
def test_what_became_of_one(seen: Sighting, fate: Fate | None) -> None:
    assert fate_of(seen) == fate


def test_all_must_be_finished() -> None:
    canary = Canary(["a", "b"], {"a": Fate("finished")})
    assert (canary.succeeded, canary.pending) == (False, ["b"])
    canary.fates["b"] = Fate("finished")
    assert canary.succeeded


def test_the_verdict_counts_the_reasons_and_names_one_that_is_dead() -> None:
    fates = {
        "a": Fate("waiting", "http_503"),
        "b b": Fate("dead", "rejected http_400"),
        "c": Fate("dead", "rejected http_400"),
        "d": Fate("finished"),
    }
    assert Canary(list(fates), fates).verdict(1) == (
        "3 of 4 canary events failed: 2 dead again (rejected http_400), "
        "1 waiting for a retry (http_503); the other dead letter stays untouched; "
        "see `convertro dead show 'b b'`"
    )


def test_the_verdict_says_why_the_wait_ended() -> None:
    canary = Canary(["a", "b"], {"a": Fate("finished")}, stopped="no worker is alive")
    assert canary.verdict(0) == (
        "no worker is alive, so it is not known yet what became of 1 of 2 canary events; "
        "there were no others; see `convertro show b`"
    )
