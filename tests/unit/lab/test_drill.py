"""The drill's schedule is sound, and its verdict can be negative."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from tests.support.events import ABSENT, mobile_track, order_completed, web_identify
from worker.destination import translate
from worker.destination.plan import plan
from worker.destination.wire import idempotency_key
from worker.lab.drill.count import Count, DrillVerdict, expected
from worker.lab.drill.drill_run import patience_seconds
from worker.lab.drill.environment import QUICK, changed_settings, drill_environment
from worker.lab.drill.load import KINDS, EventSource
from worker.lab.drill.plan import EARLY, LATE, Action, Step, make_plan, quiet_seconds
from worker.lab.sandbox.faults import parse_rule
from worker.lab.sandbox.record_file import AcceptedCall

SETTINGS = Settings.model_validate(
    {
        "client_name": "acme",
        "site_id": "1234",
        "domain": "shop.example.com",
        "events": '{"Signed Up": "signup"}',
        "hybrid_attribution_model": True,
    }
)

# The plan

plans = st.builds(
    make_plan,
    st.floats(12, 7200),
    seed=st.integers(0, 999_999),
    lease_seconds=st.floats(5, 600),
    kills_redis=st.booleans(),
)


def faults(plan: Iterable[Step]) -> list[Step]:
    return [step for step in plan if step.action is Action.FAULT]


def end_of(fault: Step) -> float:
    """When the sandbox ends a fault by itself."""
    lasts_seconds = parse_rule(fault.rule).for_seconds
    assert lasts_seconds is not None, "nobody can end a refusal"
    return fault.at_seconds + lasts_seconds


def test_the_same_seed_makes_the_same_plan_and_another_another() -> None:
    plan, same, other = (
        make_plan(120, seed=seed, lease_seconds=60, kills_redis=True) for seed in (1, 1, 2)
    )
    assert plan == same != other


@given(plan=plans)
def test_no_fault_begins_before_the_last_one_is_over(plan: tuple[Step, ...]) -> None:
    for earlier, later in pairwise(faults(plan)):
        assert end_of(earlier) < later.at_seconds


@given(plan=plans)
def test_steps_come_in_the_order_of_their_times(plan: tuple[Step, ...]) -> None:
    times = [step.at_seconds for step in plan]
    assert times == sorted(times)
    assert times[0] > 0


@given(plan=plans)
def test_what_is_killed_is_started_again_before_it_is_killed_again(plan: tuple[Step, ...]) -> None:
    for kill, start in (
        (Action.KILL_WORKER, Action.START_WORKER),
        (Action.KILL_REDIS, Action.START_REDIS),
    ):
        order = [step.action for step in plan if step.action in {kill, start}]
        assert order == [kill, start] * (len(order) // 2)


@given(duration=st.floats(12, 7200), seed=st.integers(0, 999_999), lease_seconds=st.floats(5, 600))
def test_everything_is_over_before_the_quiet_end(
    duration: float, seed: int, lease_seconds: float
) -> None:
    plan = make_plan(duration, seed=seed, lease_seconds=lease_seconds, kills_redis=True)
    busy_seconds = duration - quiet_seconds(duration, lease_seconds)
    assert max(step.at_seconds for step in plan) <= busy_seconds
    assert max(map(end_of, faults(plan))) <= busy_seconds
    assert {step.action for step in plan} == set(Action)


def test_a_drill_of_two_minutes_leaves_a_lease_of_a_minute_its_time() -> None:
    for seed in range(50):
        plan = make_plan(120, seed=seed, lease_seconds=60, kills_redis=True)
        kill = max(step.at_seconds for step in plan if step.action is Action.KILL_WORKER)
        assert kill + 60 < 120


def test_a_drill_of_two_minutes_has_every_fault_once() -> None:
    plan = make_plan(120, seed=1, lease_seconds=60, kills_redis=True)
    assert len(faults(plan)) == len(EARLY) + len(LATE)


def test_a_redis_that_is_not_the_drills_is_not_killed() -> None:
    plan = make_plan(120, seed=1, lease_seconds=60, kills_redis=False)
    assert not {Action.KILL_REDIS, Action.START_REDIS} & {step.action for step in plan}


def test_a_soak_repeats_the_cycle() -> None:
    plan = make_plan(1800, seed=1, lease_seconds=60, kills_redis=True)
    kills = [step for step in plan if step.action is Action.KILL_WORKER]
    assert len(kills) == 2 * 24  # (1800 - 60) / 72 cycles
    assert len(faults(plan)) == 24 * 7


# The events

SOURCE = EventSource(name="d", seed=7, started_at=1.7e9, rate=50.0, mapped="Signed Up")


def test_an_event_is_the_same_whenever_it_is_asked_for() -> None:
    assert SOURCE.event(3) == SOURCE.event(3) != SOURCE.event(4)


def test_the_mix_has_every_kind_of_fate() -> None:
    translations = [translate(SOURCE.event(number), SETTINGS) for number in range(500)]
    assert {len(translation.calls) for translation in translations} == {0, 1, 2}
    assert {translation.skipped for translation in translations} == {
        None,
        "anonymous_identify",
        "unmapped_event",
    }
    assert {translation.invalid for translation in translations} == {None, "missing_device_id"}
    assert {type(call).__name__ for one in translations for call in one.calls} == {
        "TrackUser",
        "TrackEvent",
        "DeviceEvent",
        "Install",
    }
    orders = [call for one in translations for call in one.calls if getattr(call, "event_id", None)]
    assert {type(call).__name__ for call in orders} == {"TrackEvent", "DeviceEvent"}
    assert {getattr(call, "currency", None) for call in orders} == {"EUR"}
    assert sum(KINDS.values()) == 100


def test_no_two_calls_of_different_events_mean_the_same() -> None:
    events = [
        expected(SOURCE.event(number), SOURCE.event_id(number), 0.0, SETTINGS)
        for number in range(500)
    ]
    meanings = [call.meaning for event in events for call in event.calls]
    assert len(set(meanings)) == len(meanings)


# The verdict


@dataclass
class Bench:
    """A drill's records without a deployment: what was sent, recorded and buried, and the rest."""

    events: list[dict[str, Any]] = field(default_factory=list)
    record: list[AcceptedCall] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def accept(self, event: dict[str, Any], index: int, **different: Any) -> None:
        """Record an accepted call of an event: the right one, or a different one."""
        call = plan(event, SETTINGS).calls[index]
        self.record.append(
            AcceptedCall(
                key=different.pop("key", idempotency_key(event["messageId"], call.name)),
                endpoint=call.endpoint,
                path=call.path,
                body={**json.loads(call.body), **different},
                received_at=1000.0 + len(self.record),
            )
        )

    def verdict(self) -> DrillVerdict:
        count = Count(self.record, self.dead, lambda name: self.places.get(name, "finished"))
        for event in self.events:
            count.add(expected(event, event["messageId"], 1000.0, SETTINGS))
        return count.verdict()


ORDER = order_completed(messageId="o", properties={"orderId": "o-1", "total": 5, "repeat": True})
TRACK = mobile_track(messageId="t")
SKIPPED = web_identify(messageId="s", userId=ABSENT)
INVALID = mobile_track(messageId="i", context={"library": {"name": "analytics-ios"}})

Setup = Callable[[Bench], None]


def delivered(bench: Bench) -> None:
    bench.send(ORDER)
    bench.accept(ORDER, 0)
    bench.accept(ORDER, 1)


def lost(bench: Bench) -> None:
    bench.send(TRACK)


def half_an_order(bench: Bench) -> None:
    bench.send(ORDER)
    bench.accept(ORDER, 0)


def half_an_order_in_flight(bench: Bench) -> None:
    half_an_order(bench)
    bench.places["o"] = "waiting"


def dead(bench: Bench) -> None:
    bench.send(INVALID)
    bench.dead["i"] = "missing_device_id"


def dead_with_an_accepted_call(bench: Bench) -> None:
    half_an_order(bench)
    bench.dead["o"] = "rejected"


def invalid_and_nowhere(bench: Bench) -> None:
    bench.send(INVALID)


def skipped(bench: Bench) -> None:
    bench.send(SKIPPED)


def skipped_and_unknown_to_the_journal(bench: Bench) -> None:
    bench.send(SKIPPED)
    bench.places["s"] = "unknown"


def skipped_and_still_due(bench: Bench) -> None:
    bench.send(SKIPPED)
    bench.places["s"] = "due"


def skipped_but_sent(bench: Bench) -> None:
    bench.send(SKIPPED)
    bench.accept(TRACK, 0, key="s/sale")


def the_same_key_again(bench: Bench) -> None:
    delivered(bench)
    bench.accept(ORDER, 0)
    bench.accept(ORDER, 0)


def another_key(bench: Bench) -> None:
    delivered(bench)
    bench.accept(ORDER, 0, key="o/sale.repeat~1")


def another_key_instead(bench: Bench) -> None:
    bench.send(TRACK)
    bench.accept(TRACK, 0)
    bench.accept(TRACK, 0, key="other/DeviceEvent")


def a_call_of_nobody(bench: Bench) -> None:
    bench.accept(TRACK, 0)


def the_right_key_with_another_body(bench: Bench) -> None:
    bench.send(TRACK)
    bench.accept(TRACK, 0, event_value=99)


NOTHING = {
    "delivered": 0,
    "skipped": 0,
    "undelivered": 0,
    "lost": 0,
    "unknown": 0,
    "same_key": 0,
    "different_key": 0,
    "dead": {},
}


@pytest.mark.parametrize(
    ("setup", "counts", "good"),
    [
        (delivered, {"delivered": 1}, True),
        (lost, {"lost": 1}, False),
        (half_an_order, {"lost": 1}, False),
        (half_an_order_in_flight, {"undelivered": 1}, False),
        (dead, {"dead": {"missing_device_id": 1}}, True),
        (dead_with_an_accepted_call, {"dead": {"rejected": 1}}, True),
        (invalid_and_nowhere, {"lost": 1}, False),
        (skipped, {"skipped": 1}, True),
        (skipped_and_unknown_to_the_journal, {"lost": 1}, False),
        (skipped_and_still_due, {"undelivered": 1}, False),
        (skipped_but_sent, {"lost": 1, "unknown": 1}, False),
        (the_same_key_again, {"delivered": 1, "same_key": 2}, True),
        (another_key, {"delivered": 1, "different_key": 1}, False),
        (another_key_instead, {"delivered": 1, "different_key": 1}, False),
        (a_call_of_nobody, {"unknown": 1}, False),
        (the_right_key_with_another_body, {"lost": 1, "unknown": 1}, False),
    ],
)
def test_every_event_is_counted_as_what_became_of_it(
    setup: Setup, counts: dict[str, Any], good: bool
) -> None:
    bench = Bench()
    setup(bench)
    verdict = bench.verdict()
    assert {name: getattr(verdict, name) for name in NOTHING} == {**NOTHING, **counts}
    assert verdict.is_good is good
    assert verdict.sent == len(bench.events)


def test_every_sent_event_is_in_exactly_one_row() -> None:
    bench = Bench()
    for setup in (delivered, lost, skipped, dead):
        setup(bench)
    verdict = bench.verdict()
    fates = (verdict.delivered, verdict.skipped, verdict.undelivered, verdict.lost)
    assert sum(fates) + sum(verdict.dead.values()) == verdict.sent == 4


def test_what_is_wrong_is_named() -> None:
    bench = Bench()
    lost(bench)
    another_key(bench)
    bench.accept(TRACK, 0, key="stranger/sale", device_id="nobody's")
    assert bench.verdict().examples == {
        "lost": ("t",),
        "different_key": ("o/sale.repeat o/sale.repeat~1",),
        "unknown": ("stranger/sale",),
    }


def test_a_delay_ends_when_the_last_call_was_accepted_first() -> None:
    bench = Bench()
    delivered(bench)  # accepted 0 s and 1 s after enqueue returned
    bench.accept(ORDER, 1)
    assert bench.verdict().delays == (1.0,)


def test_an_event_that_was_offered_and_not_acknowledged_may_have_been_sent() -> None:
    bench = Bench()
    bench.accept(TRACK, 0)
    count = Count(bench.record, {}, lambda _name: "finished")
    count.excuse(expected(TRACK, "t", 0.0, SETTINGS))
    assert count.verdict().is_good


# The settings

OPERATORS = {
    "PATH": "/bin",
    "CONVERTRO_BASE_URL": "https://convertro.example.com",
    "CONVERTRO_PROXY_URL": "http://proxy.example.com",
    "CONVERTRO_KEY_PREFIX": "{convertro}:",
    "CONVERTRO_REDIS_URL": "redis://redis.example.com/3",
    "CONVERTRO_DEDUPE_SECONDS": "60",
    "CONVERTRO_DOMAIN": "acme.example.com",
    "CONVERTRO_CONCURRENCY": "",
}


def environment(
    operators: dict[str, str] = OPERATORS, *, embedded: bool, seconds: float = 120
) -> dict[str, str]:
    return drill_environment(operators, name="x", embedded=embedded, duration_seconds=seconds)


def test_a_drill_keeps_to_itself() -> None:
    own = environment(embedded=False)
    assert "CONVERTRO_BASE_URL" not in own
    assert "CONVERTRO_PROXY_URL" not in own
    assert own["CONVERTRO_KEY_PREFIX"] == "{x}:"
    assert own["CONVERTRO_QUEUE"] == "x"
    assert own["CONVERTRO_REDIS_URL"] == OPERATORS["CONVERTRO_REDIS_URL"]
    assert "CONVERTRO_REDIS_URL" not in environment(embedded=True)


def test_the_journal_of_a_drill_forgets_nothing_before_it_is_counted() -> None:
    assert "CONVERTRO_DEDUPE_SECONDS" not in environment(embedded=False)


def test_a_drill_runs_under_the_operators_settings_and_fills_in_the_rest() -> None:
    own = environment(embedded=True)
    assert own["CONVERTRO_DOMAIN"] == "acme.example.com"
    assert own["CONVERTRO_CLIENT_NAME"] == "acme"
    assert "CONVERTRO_CONCURRENCY" not in own


@pytest.mark.parametrize(
    ("embedded", "seconds", "operators", "quick"),
    [
        (True, 119, {}, True),
        (True, 120, {}, False),
        (False, 119, {}, False),
        (True, 119, {"CONVERTRO_READ_TIMEOUT_SECONDS": "20"}, False),
    ],
)
def test_times_are_shortened_only_in_a_short_drill_whose_operator_set_none(
    embedded: bool, seconds: float, operators: dict[str, str], quick: bool
) -> None:
    own = environment(operators, embedded=embedded, seconds=seconds)
    shortened = {name for name in QUICK if name in own and name not in operators}
    assert shortened == (set(QUICK) if quick else set())


def test_waits_do_not_outgrow_a_soak() -> None:
    longest = "CONVERTRO_RETRY_MAX_SECONDS"
    assert environment({}, embedded=True, seconds=1800)[longest] == "120"
    assert longest not in environment({}, embedded=True, seconds=300)
    assert longest not in environment({}, embedded=False, seconds=1800)
    chosen = {"CONVERTRO_RETRY_BASE_SECONDS": "600"}
    assert longest not in environment(chosen, embedded=True, seconds=1800)


@pytest.mark.parametrize(
    ("base", "most", "duration", "patience"),
    [
        (30, 3600, 120, 60 + 23 + 60 + (30 + 120) * 1.2),
        (30, 120, 1800, 60 + 23 + 60 + 120),
        (1800, 86400, 7200, 3600),
    ],
)
def test_the_drill_waits_for_as_long_as_an_event_may_have_to(
    base: float, most: float, duration: float, patience: float
) -> None:
    settings = Settings.model_validate({"retry_base_seconds": base, "retry_max_seconds": most})
    assert patience_seconds(settings, duration) == pytest.approx(patience)


def test_shortened_times_do_not_contradict_each_other() -> None:
    Settings.model_validate(
        {name.removeprefix("CONVERTRO_").lower(): value for name, value in QUICK.items()}
    )


def test_what_differs_from_the_defaults_is_shown_without_secrets() -> None:
    given = {
        "CONVERTRO_LEASE_SECONDS": "30",
        "CONVERTRO_BLIP_SECONDS": "5",
        "CONVERTRO_REDIS_URL": "redis://:secret@redis.example.com/0",
    }
    settings = Settings.model_validate(
        {name.removeprefix("CONVERTRO_").lower(): value for name, value in given.items()}
    )
    assert changed_settings(settings, given) == {"CONVERTRO_LEASE_SECONDS": "30"}
