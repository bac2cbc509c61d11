"""What `convertro status` says about given figures."""

from dataclasses import replace
from typing import Any

import pytest

from config.settings import Settings
from worker.cli.status.command import is_wrong
from worker.destination.properties import LIKELY_ORDER_ID, folded
from worker.journal.breaker_state import Breaker, BreakerState, Cause, Pause
from worker.journal.histogram import Histogram
from worker.journal.snapshot import (
    DELIVERED_IN,
    REQUEST_TOOK,
    Latest,
    Memory,
    Recent,
    SeenWorker,
    Snapshot,
)
from worker.reasons import LIKELY_ORDER_ID_NAMES
from worker.status.document import document
from worker.status.problems import problems
from worker.status.status import Status, outlook
from worker.status.tables import workers_table

#: 2026-05-04 10:15:30 UTC, 0.123 s into its slot of ten seconds.
NOW_MS = 1_777_889_730_123
SLOT = NOW_MS // 10_000
HOUR_MS = 3_600_000

WORKER = SeenWorker(name="celery@a/1-aa", capacity=2, ticked_ms=NOW_MS - 500, asked_ms=NOW_MS - 400)
OTHER = replace(WORKER, name="celery@b/1-bb")
LAZY = replace(WORKER, name="celery@lazy/1-cc", asked_ms=NOW_MS - 45_000)
GONE = replace(WORKER, name="celery@gone/1-dd", ticked_ms=NOW_MS - 90_000)

LATELY = Recent(NOW_MS, {SLOT - 1: {"delivered": 120}, SLOT - 2: {"delivered": 80}})

FULL = Memory(used=91, bound=100)

FAILING = Breaker(
    state=BreakerState.OPEN,
    cause=Cause.FAILURES,
    detail="http_503",
    since_ms=NOW_MS - 60_000,
    probe_at_ms=NOW_MS + 8_000,
    probes_failed=3,
)


def facts(settings: dict[str, Any] | None = None, **fields: Any) -> Status:
    """The figures of a quiet deployment, except for what the test gives."""
    counts = ("due_now", "claimed", "waiting", "dead", "stored", "wakeups")
    rest = ("remembered", "dedupe_seconds", "tried", "dead_in_doubt", "dead_bytes", "valued")
    quiet: dict[str, Any] = {
        **dict.fromkeys((*counts, *rest), 0),
        "now_ms": NOW_MS,
        "counters": {},
        "histograms": {DELIVERED_IN: Histogram(), REQUEST_TOOK: Histogram()},
        "recent": Recent(NOW_MS),
        "latest": Latest(),
        "first_due_ms": None,
        "first_tried_ms": None,
        "deaths": {},
        "workers": (WORKER,),
        "silent": (),
    }
    memory = fields.pop("memory", Memory(used=10, bound=0))
    known = {**quiet, **fields}
    known["stored"] += sum(known[place] for place in ("due_now", "claimed", "waiting", "dead"))
    known["counters"] = {"accepted": known["stored"], **known["counters"]}
    return Status(
        snapshot=Snapshot(**known),
        memory=memory,
        settings=Settings(**(settings or {})),
    )


def names(given: Status) -> list[str]:
    return [problem.name for problem in problems(given)]


def sentences(given: Status) -> str:
    return " ".join(problem.sentence for problem in problems(given))


def prospects(given: Status) -> list[str]:
    return list(outlook(given))


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"workers": ()}, "no_worker_is_alive", "no worker is alive: nothing waits"),
        (
            {"workers": (), "due_now": 1},
            "no_worker_is_alive",
            "no worker is alive: 1 event waits",
        ),
        (
            {"workers": (), "due_now": 100, "waiting": 20},
            "no_worker_is_alive",
            "no worker is alive: 120 events wait",
        ),
        ({}, "idle", "idle: nothing is due, 1 worker"),
        (
            {"workers": (WORKER, OTHER), "due_now": 12, "first_due_ms": NOW_MS},
            "delivering",
            "delivering: 12 events due, 2 workers",
        ),
        (
            {"due_now": 1, "claimed": 32, "first_due_ms": NOW_MS},
            "delivering",
            "delivering: 1 event due, 32 claimed, 1 worker",
        ),
        ({"waiting": 5}, "waiting", "waiting: 5 events due later, 1 worker"),
        (
            {"claimed": 1, "recent": LATELY},
            "delivering",
            "delivering: 9.9 events a second, nothing is due, 1 worker",
        ),
        (
            {"waiting": 5, "recent": LATELY},
            "delivering",
            "delivering: 9.9 events a second, 5 events due later, 1 worker",
        ),
        (
            {"waiting": 5, "tried": 4, "recent": LATELY},
            "delivering",
            (
                "delivering: 9.9 events a second, 5 events due later, 4 failed at least once, "
                "1 worker"
            ),
        ),
        (
            {"due_now": 1, "waiting": 5, "tried": 4, "first_due_ms": NOW_MS},
            "delivering",
            "delivering: 1 event due, 4 failed at least once, 1 worker",
        ),
        (
            {"waiting": 5, "tried": 5},
            "waiting",
            "waiting: 5 events due later, 5 failed at least once, 1 worker",
        ),
        (
            {"recent": Recent(NOW_MS, {SLOT - 1: {"delivered": 1}})},
            "idle",
            "idle: nothing is due, 1 worker",
        ),
        (
            {"due_now": 1, "first_due_ms": NOW_MS, "recent": LATELY},
            "delivering",
            "delivering: 1 event due, 1 worker",
        ),
        (
            {"memory": FULL},
            "redis_full",
            "Redis is full: no events are accepted",
        ),
        (
            {"memory": FULL, "waiting": 1},
            "redis_full",
            "Redis is full: no events are accepted",
        ),
        (
            {"memory": FULL, "recent": LATELY},
            "redis_full",
            (
                "Redis is full: no events are accepted; delivering: 9.9 events a second, nothing "
                "is due, 1 worker"
            ),
        ),
        (
            {"memory": FULL, "workers": ()},
            "redis_full",
            "Redis is full: no events are accepted; no worker is alive: nothing waits",
        ),
        (
            {"workers": (LAZY,), "due_now": 5, "first_due_ms": NOW_MS - 40_000},
            "stuck",
            "stuck: 5 events wait, and no worker asks for work, 1 worker",
        ),
        (
            {"breaker": FAILING, "due_now": 5, "first_due_ms": NOW_MS - 40_000},
            "holding",
            (
                "holding since 2026-05-04 10:14:30 UTC: most calls to Convertro fail (http_503); "
                "5 events wait, 1 worker"
            ),
        ),
        (
            {"pause": Pause(NOW_MS, "moving"), "breaker": FAILING, "workers": ()},
            "paused",
            "paused since 2026-05-04 10:15:30 UTC (moving): nothing waits, 0 workers",
        ),
    ],
)
def test_the_state_is_a_sentence(fields: dict[str, Any], state: str, words: str) -> None:
    situation = facts(**fields)
    assert (situation.state, situation.sentence) == (state, words)


def test_a_quiet_deployment_has_no_problems_and_no_prospects() -> None:
    assert names(facts()) == []
    assert prospects(facts()) == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"memory": FULL}, "redis_full"),
        ({"memory": Memory(used=80, bound=100)}, "redis_fills"),
        ({"workers": (), "waiting": 1}, "no_worker"),
        ({"silent": (GONE,)}, "worker_silent"),
        ({"silent": (GONE,), "workers": (), "waiting": 1}, "worker_silent"),
        ({"workers": (LAZY,), "due_now": 5, "first_due_ms": NOW_MS - 40_000}, "worker_stuck"),
        ({"dead": 2, "deaths": {("poison", None): 2}}, "poison"),
        ({"breaker": FAILING}, "held_failures"),
        ({"breaker": replace(FAILING, cause=Cause.SETUP, detail="http_403")}, "held_setup"),
        ({"deaths": {("rejected", 404): 2}, "dead": 2}, "wrong_address"),
        ({"deaths": {("rejected", 400): 90_000}, "dead": 90_000}, "dead_letters_full"),
        ({"dead_bytes": 1_000_000_000, "dead": 3}, "dead_letters_full"),
        (
            {
                "latest": Latest(revenue_removed_ms=NOW_MS - 3_600_000),
                "counters": {"discarded:dead_overflow_revenue": 2, "accepted": 2},
            },
            "revenue_removed",
        ),
        ({"pause": Pause(NOW_MS, "")}, "paused"),
        (
            {"recent": Recent(NOW_MS, {SLOT - 1: {"dead:no_identity": 3}})},
            "dead_letters_new",
        ),
        (
            {"recent": Recent(NOW_MS, {SLOT - 1: {"foreign:unknown_task": 3}})},
            "foreign_messages",
        ),
        (
            {"recent": Recent(NOW_MS, {SLOT - 90: {"skipped:missing_order_id": 3}})},
            "orders_without_id",
        ),
        (
            {"recent": Recent(NOW_MS, {SLOT - 90: {"noted:unreadable_amount": 3}})},
            "amounts_unreadable",
        ),
        (
            {"recent": Recent(NOW_MS, {SLOT - 90: {"dead:unreadable_amount": 3}})},
            "amounts_unreadable",
        ),
        ({"stored": 1, "counters": {"accepted": 1}}, "unaccounted"),
        ({"stored": 1, "counters": {"accepted": 0}}, "unaccounted"),
        (
            {
                "latest": Latest(failed_ms=NOW_MS - 12_000, failed_detail="http_503"),
                "recent": Recent(NOW_MS, {SLOT - 1: {"attempts:ambiguous": 3}}),
            },
            "attempts_fail",
        ),
    ],
)
def test_each_problem_has_a_name(fields: dict[str, Any], name: str) -> None:
    assert names(facts(**fields)) == [name]


def test_orders_that_convertro_never_hears_of_come_first() -> None:
    lost = Recent(NOW_MS, {SLOT - 1: {"skipped:missing_order_id": 3}})
    assert names(facts(pause=Pause(NOW_MS, ""), recent=lost)) == ["orders_without_id", "paused"]


def test_a_full_redis_is_reported_with_what_is_lost_and_what_probably_fills_it() -> None:
    full = Memory(used=52_000_000, bound=51_000_000)
    assert sentences(facts(memory=full, waiting=3)) == (
        "Redis is full: new events are refused above 90 %, and lost unless their senders keep "
        "them. It uses 52 of 51 MB (102 %). Raise maxmemory (`CONFIG SET maxmemory …`), then find "
        "out what fills it: probably keys of other programs, as the journal holds only 3 events."
    )
    told = sentences(facts(memory=full, waiting=30_000))
    assert told.endswith("fills it: due events, dead letters, or keys of other programs.")
    told = sentences(facts(memory=full, remembered=300_000))
    assert "probably" not in told


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Deliveries go on by themselves with the first probe that Convertro accepts. "),
        (
            {"cause": Cause.THROTTLED},
            "Deliveries go on by themselves with the first probe that Convertro accepts. ",
        ),
        (
            {"detail": "no_connection"},
            "Deliveries go on by themselves with the first probe that Convertro accepts. ",
        ),
        ({"cause": Cause.SETUP}, "`convertro resume` saves the wait for it. "),
        ({"cause": Cause.SETUP, "detail": "tls_expired"}, "`convertro resume` saves the wait"),
        ({"cause": Cause.BURIALS}, "restart the workers. Deliveries then go on with the first"),
        (
            {"cause": Cause.BURIALS, "detail": "rejected http_404"},
            "with the right one. Deliveries then go on with the first probe",
        ),
    ],
)
def test_it_says_how_a_hold_ends(fields: dict[str, Any], words: str) -> None:
    assert words in sentences(facts(breaker=replace(FAILING, **fields)))


def test_no_probe_is_promised_while_deliveries_are_paused() -> None:
    told = sentences(facts(breaker=FAILING, pause=Pause(NOW_MS, "")))
    assert told.endswith("3 probes failed, none goes while deliveries are paused.")


@pytest.mark.parametrize(
    ("detail", "looks_at"),
    [
        ("tls_unknown_issuer", "CONVERTRO_CA_BUNDLE"),
        ("tls_expired", "clock"),
        ("tls_wrong_host", "CONVERTRO_BASE_URL"),
        ("tls_failure", "CONVERTRO_BASE_URL"),
    ],
)
def test_what_fails_of_tls_is_named_and_not_the_account(detail: str, looks_at: str) -> None:
    told = sentences(facts(breaker=replace(FAILING, cause=Cause.SETUP, detail=detail)))
    assert told.startswith(f"TLS to Convertro fails ({detail}): ")
    assert looks_at in told
    assert "SITE_ID" not in told


@pytest.mark.parametrize(
    ("likely", "words"),
    [
        (0, "None of them has one as transaction_id, order_number or checkout_id either."),
        (1, "1 of them has one as transaction_id, order_number or checkout_id: rename it."),
        (2, "2 of them have one as transaction_id, order_number or checkout_id: rename it."),
    ],
)
def test_orders_without_an_id_are_reported_with_where_it_may_be(likely: int, words: str) -> None:
    counted = {"skipped:missing_order_id": 40, "noted:likely_order_id": likely}
    told = sentences(facts(recent=Recent(NOW_MS, {SLOT - 80: counted})))
    assert told.startswith("40 website orders of the last 15 min had no order id")
    assert told.endswith(words)


def test_the_names_to_look_for_are_those_that_the_destination_knows() -> None:
    assert tuple(map(folded, LIKELY_ORDER_ID_NAMES)) == LIKELY_ORDER_ID


def test_unreadable_amounts_are_reported_by_what_became_of_their_events() -> None:
    slots = {SLOT - 80: {"noted:unreadable_amount": 3}, SLOT: {"dead:unreadable_amount": 1}}
    told = sentences(facts(recent=Recent(NOW_MS, slots)))
    assert "4 events of the last 15 min had an amount that cannot be read (3 delivered" in told
    assert "1 dead)" in told


def test_a_worker_is_stuck_only_if_it_is_needed() -> None:
    waits: dict[str, Any] = {
        "workers": (WORKER, LAZY),
        "first_due_ms": NOW_MS - 40_000,
        "batch": 8,  # as the workers say; `status` may run with other settings
        "settings": {"concurrency": 100},
    }
    # Another worker claims what there is: 8 events are one deliver task.
    assert names(facts(**waits, due_now=8)) == []
    # There is work for all four deliver tasks.
    assert "celery@lazy is alive" in sentences(facts(**waits, due_now=33))
    # While deliveries are held no worker need ask, until a probe is long overdue.
    assert "worker_stuck" not in names(facts(**waits, due_now=33, breaker=FAILING))
    overdue = replace(FAILING, probe_at_ms=NOW_MS - 31_000)
    alone: dict[str, Any] = {**waits, "workers": (LAZY,), "due_now": 33}
    assert "worker_stuck" in names(facts(**alone, breaker=overdue))
    assert names(facts(**alone, pause=Pause(NOW_MS, ""))) == ["paused"]


def test_the_address_is_blamed_for_what_only_a_wrong_address_explains() -> None:
    burials = replace(FAILING, cause=Cause.BURIALS, detail="rejected http_404")
    assert "CONVERTRO_SITE_ID" in sentences(facts(breaker=burials))
    rejected = replace(burials, detail="rejected http_400")
    assert "the settings or this program are wrong" in sentences(facts(breaker=rejected))


def test_a_reason_is_one_word_of_the_command_to_copy_whatever_is_in_redis() -> None:
    burials = replace(FAILING, cause=Cause.BURIALS, detail="rejected http_400")
    lately = Recent(NOW_MS, {SLOT - 1: {"dead:x; reboot": 2}})
    told = sentences(facts(breaker=burials, recent=lately))
    assert "`convertro dead redrive --reason 'x; reboot'`" in told


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "3 probes failed, the next probe goes in 8 s"),
        ({"probe_at_ms": NOW_MS - 1, "probes_failed": 1}, "1 probe failed, one goes as soon"),
        ({"state": BreakerState.HALF_OPEN, "probes_failed": 0}, "meanwhile; one is out now"),
    ],
)
def test_the_next_probe_is_announced(fields: dict[str, Any], words: str) -> None:
    assert words in sentences(facts(breaker=replace(FAILING, **fields)))


def test_it_says_if_no_other_worker_is_alive() -> None:
    alone = sentences(facts(silent=(GONE,), workers=(), waiting=1))
    assert alone.startswith("celery@gone went silent 1 min 30 s ago, and no other worker is alive.")
    assert sentences(facts(silent=(GONE,))).startswith("celery@gone went silent 1 min 30 s ago. If")


def test_a_silent_worker_is_named_in_commands_and_several_are_not() -> None:
    said = sentences(facts(silent=(GONE,)))
    assert "`celery -A worker.app worker -n celery@gone`" in said
    assert "`convertro forget celery@gone`" in said
    other = replace(GONE, name="celery@b; reboot/1-aa")
    assert "`convertro forget 'celery@b; reboot'`" in sentences(facts(silent=(other,)))
    assert "`convertro forget NODE`" in sentences(facts(silent=(other, GONE)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"tried": 20, "breaker": FAILING},
            (
                "20 events failed at least once: their retries end from 2026-05-04 14:15 UTC on, "
                "each with one last try after the hold"
            ),
        ),
        (
            {"tried": 1, "breaker": FAILING},
            (
                "1 event failed at least once: its retries end 2026-05-04 14:15 UTC, with one last "
                "try after the hold"
            ),
        ),
        (
            {"tried": 20},
            "20 events failed at least once: their retries end from 2026-05-04 14:15 UTC on",
        ),
        (
            {"tried": 1},
            "1 event failed at least once: its retries end 2026-05-04 14:15 UTC",
        ),
    ],
)
def test_it_says_when_retries_end(fields: dict[str, Any], words: str) -> None:
    # First tried at 10:15:30; a horizon of four hours ends at 14:15:30.
    horizon = {"retry_horizon_seconds": 14_400}
    assert prospects(facts(horizon, waiting=100, first_tried_ms=NOW_MS, **fields))[0] == words


def test_retries_that_end_in_half_a_day_or_later_are_not_shown() -> None:
    tried: dict[str, Any] = {"breaker": FAILING, "waiting": 100, "tried": 20}
    for ago_ms, is_told in ((12 * HOUR_MS - 1, False), (12 * HOUR_MS, True), (30 * HOUR_MS, True)):
        told = " ".join(prospects(facts(**tried, first_tried_ms=NOW_MS - ago_ms)))
        assert ("retries end" in told) == is_told
    assert not any("retries end" in line for line in prospects(facts(breaker=FAILING, waiting=100)))


def test_the_drain_estimate_while_held_is_by_the_fastest_pace_seen() -> None:
    held: dict[str, Any] = {"breaker": FAILING, "waiting": 600, "tried": 0}
    assert prospects(facts(**held))[-1] == (
        "how long the backlog takes cannot be told: nothing was delivered yet"
    )
    # 100 in ten seconds are 10 a second: 600 take a minute.
    known = facts(**held, latest=Latest(fastest=100))
    assert prospects(known)[-1] == (
        "once it goes on, the backlog is clear in about 1 min, at the best rate so far "
        "(10.0 a second)"
    )
    bounded = facts({"max_requests_per_second": 5}, **held, latest=Latest(fastest=100))
    assert "about 2 min" in prospects(bounded)[-1]
    lately = Recent(NOW_MS, {SLOT - 3: {"delivered": 600}})
    assert "about 10 s" in prospects(facts(**held, recent=lately))[-1]


def test_the_drain_estimate_while_held_is_less_by_what_comes_in() -> None:
    def held(accepted: int) -> Status:
        # The counts are those of each of two slots, over 20.123 s.
        coming = Recent(NOW_MS, {slot: {"accepted": accepted} for slot in (SLOT - 1, SLOT - 2)})
        return facts(breaker=FAILING, waiting=600, recent=coming, latest=Latest(fastest=100))

    assert prospects(held(50))[-1] == (
        "once it goes on, the backlog is clear in about 1 min 59 s, at the best rate so far "
        "(10.0 a second less 5.0 that come in)"
    )
    for accepted, intake in ((96, "9.5"), (200, "19.9")):
        assert prospects(held(accepted))[-1] == (
            f"how long the backlog takes cannot be told: {intake} events a second come in, and "
            "the best rate so far is 10.0"
        )
        assert document(held(accepted))["drain"]["seconds"] is None


def test_the_drain_estimate_while_delivering_is_by_the_present_rates() -> None:
    busy: dict[str, Any] = {"due_now": 1_000, "first_due_ms": NOW_MS}
    # 20.123 s: 30 a second out, 10 a second in.
    out = {number: {"delivered": 300, "accepted": 100} for number in range(SLOT - 2, SLOT)}
    assert prospects(facts(**busy, recent=Recent(NOW_MS, out))) == [
        "clear in about 50 s at the current rate"
    ]
    more = {number: {"delivered": 100, "accepted": 300} for number in range(SLOT - 2, SLOT)}
    assert prospects(facts(**busy, recent=Recent(NOW_MS, more))) == [
        "the backlog grows by 19.9 events a second: more comes in than goes out"
    ]
    # Due events that come in within ten seconds are no backlog.
    assert prospects(facts(due_now=298, first_due_ms=NOW_MS, recent=Recent(NOW_MS, more))) == []


def test_failures_that_are_over_are_no_problem() -> None:
    failed = Latest(failed_ms=NOW_MS - 12_000, failed_detail="http_503")
    recent = Recent(NOW_MS, {SLOT - 1: {"attempts:ambiguous": 3}})
    assert names(facts(latest=failed, recent=recent)) == ["attempts_fail"]
    over = replace(failed, delivered_ms=NOW_MS - 11_000)
    assert names(facts(latest=over, recent=recent)) == []
    # One of them still waits for its next try.
    assert names(facts(latest=over, recent=recent, tried=1, waiting=1)) == ["attempts_fail"]


def test_only_events_that_wait_for_a_retry_are_reported_as_retried() -> None:
    failed = Latest(failed_ms=NOW_MS - 12_000, failed_class="unsent", failed_detail="http_503")
    rejected = replace(failed, failed_class="rejected", failed_detail="http_400")
    both = Recent(NOW_MS, {SLOT - 1: {"attempts:rejected": 3, "attempts:unsent": 2}})
    only_rejected = Recent(NOW_MS, {SLOT - 1: {"attempts:rejected": 3}})
    told = "2 of the 5 attempts of the last 5 min failed, the latest 12 s ago"
    assert sentences(facts(latest=failed, recent=both)) == f"{told}: http_503."
    assert sentences(facts(latest=rejected, recent=both)) == f"{told}."
    assert sentences(facts(latest=rejected, recent=only_rejected)) == ""
    again = sentences(facts(latest=failed, recent=both, tried=1, waiting=1))
    assert again.endswith(
        "http_503. No action is needed now: 1 event is tried again by itself; `convertro list "
        "waiting` shows it."
    )
    again = sentences(facts(latest=failed, recent=both, tried=2, waiting=2))
    assert again.endswith(
        "No action is needed now: 2 events are tried again by themselves; `convertro list waiting` "
        "shows them."
    )


def test_it_says_if_everything_is_skipped() -> None:
    skipped = {"skipped:unmapped_event": 90, "skipped:unsupported_type": 10}
    status = facts(recent=Recent(NOW_MS, {SLOT - 60: skipped}))
    (problem,) = problems(status)
    assert problem.name == "all_skipped"
    assert not is_wrong(status)  # it may be intended, so `--check` does not fail every minute
    assert problem.sentence.startswith(
        "All 100 events of the last 15 min were skipped (90 unmapped_event, 10 unsupported_type)"
    )
    for sign in ("attempts:accepted", "attempts:unsent", "delivered", "dead:no_identity"):
        recent = Recent(NOW_MS, {SLOT - 60: {**skipped, sign: 1}})
        assert "all_skipped" not in names(facts(recent=recent))
    few = {"skipped:unmapped_event": 99}
    assert names(facts(recent=Recent(NOW_MS, {SLOT - 1: few}))) == []


def test_while_redis_refuses_writes_workers_are_not_reported_as_silent() -> None:
    refused = replace(
        facts(workers=(), silent=(WORKER,), waiting=2), refusal="Redis refuses writes (MISCONF)."
    )
    assert refused.state == "redis_refuses"
    assert refused.sentence == (
        "Redis refuses writes: nothing is accepted or delivered; 2 events wait"
    )
    empty = replace(facts(), refusal=refused.refusal)
    assert empty.sentence == "Redis refuses writes: nothing is accepted or delivered"
    assert names(refused) == ["redis_refuses"]
    assert [row[1] for row in workers_table(refused).rows] == ["cannot report"]
    assert [row[1] for row in workers_table(replace(refused, refusal=None)).rows] == ["silent"]
