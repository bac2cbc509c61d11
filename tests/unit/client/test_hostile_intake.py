"""Intake checks every input, and a refused one leaves no trace."""

from typing import Any

import fakeredis
import pytest
from hypothesis import HealthCheck, given, settings

from config.settings import Settings
from convertro.errors import InvalidEvent, InvalidEvents
from convertro.intake import Intake
from convertro.segment_event import encode
from tests.support.events import mobile_track
from tests.support.hostile import events as hostile
from tests.support.hostile.checks import accepts, accepts_text
from worker.journal.journal import Journal

# Few examples and no health checks, because drawing such examples takes long.
few = settings(max_examples=60, suppress_health_check=list(HealthCheck))

REDIS = fakeredis.FakeRedis(server=fakeredis.FakeServer())
JOURNAL = Journal(REDIS, Settings(), shebang=False)


@given(hostile.objects)
@few
def test_every_accepted_event_can_be_read_translated_and_sent(event: Any) -> None:
    accepts(event)


@given(hostile.texts)
@few
def test_every_text_is_either_an_event_or_refused(text: bytes) -> None:
    accepts_text(text)


@pytest.mark.parametrize(
    "name", ["", "N" * 101, "a\x1b[2J", "a\r\nb", "\ud800", "\u202eabc"], ids=ascii
)
def test_a_name_that_is_not_fit_to_print_is_not_repeated(name: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        encode({"type": "track", name: float("nan")})
    assert str(caught.value) == "event holds NaN or Infinity, which JSON does not have"


@pytest.fixture(scope="module")
def intake() -> Intake:
    return Intake(JOURNAL)


@given(event=hostile.objects)
@few
def test_what_is_refused_stores_nothing(intake: Intake, event: Any) -> None:
    REDIS.flushall()
    try:
        identifier = intake.enqueue(event)
    except InvalidEvent:
        assert REDIS.keys() == []
    else:
        assert JOURNAL.raw_events([identifier]) == [encode(event)]


@given(event=hostile.objects)
@few
def test_what_is_refused_in_a_list_does_no_harm_to_its_neighbours(
    intake: Intake, event: Any
) -> None:
    REDIS.flushall()
    before, after = mobile_track(messageId="before"), mobile_track(messageId="after")
    refused: list[int] = []
    try:
        ids: list[str | None] = [*intake.enqueue_many([before, event, after])]
    except InvalidEvents as error:
        ids, refused = error.ids, [*error.errors]
    assert (ids[0], ids[2]) == ("before", "after")
    assert refused == [1] * (ids[1] is None)
    known = [identifier for identifier in ids if identifier]
    assert None not in JOURNAL.raw_events(known)
    assert REDIS.hlen("{convertro}:events") == len(set(known))
