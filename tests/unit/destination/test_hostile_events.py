"""No event makes translation fail."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.destination import ConvertroSettings
from config.settings import Settings
from convertro.errors import InvalidEvent
from convertro.segment_event import decode, encode
from tests.support.hostile import events as hostile
from tests.support.hostile.checks import DESTINATIONS, EVENTS
from worker.destination import translate
from worker.destination.wire import body_of, encode_body
from worker.reasons import DeathReason, SkipReason

# Drawing such events takes long, which is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(event: Any, destination: Settings) -> None:
    """Check that an event has one outcome, stays unchanged, and that its calls can be sent."""
    before = deepcopy(event)
    translation = translate(event, destination, accepted_at="2026-05-04T10:15:30Z")
    assert event == before
    outcomes = (bool(translation.calls), translation.skipped, translation.invalid)
    assert sum(outcome not in (False, None) for outcome in outcomes) == 1
    assert translation.skipped is None or translation.skipped in set(SkipReason)
    assert translation.invalid is None or translation.invalid in set(DeathReason)
    for call in translation.calls:
        body = json.loads(encode_body(body_of(call)), parse_constant=repr)
        assert None not in body.values()
        assert isinstance(body.get("event_value", 0), int | float)


@given(hostile.events, st.sampled_from(DESTINATIONS))
@patient
def test_every_event_has_one_outcome(event: dict[str, Any], destination: Settings) -> None:
    check(event, destination)


@given(hostile.values, st.sampled_from(DESTINATIONS))
@example({}, DESTINATIONS[0])
@example({"type": "track", "event": "N" * 65_000, "userId": "u"}, DESTINATIONS[0])
@patient
def test_even_json_that_is_no_event_has_one(value: Any, destination: Settings) -> None:
    check(value, destination)


@given(hostile.events)
@patient
def test_an_event_means_the_same_after_its_way_through_the_journal(event: dict[str, Any]) -> None:
    try:
        stored = decode(encode(event))
    except InvalidEvent:
        return
    # Two halves of a surrogate pair become one character in JSON, so compare the calls' bytes.
    plain = ConvertroSettings(events=EVENTS)
    assert repr(translate(stored, plain)) == repr(translate(json.loads(json.dumps(event)), plain))
