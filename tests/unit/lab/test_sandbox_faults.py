"""Fault rules: their text, and which requests they answer."""

from typing import Any

import pytest

from worker.lab.sandbox.faults import FaultRule, FaultRuleError, parse_rule, rule_from_json
from worker.lab.sandbox.matching import FaultBook
from worker.lab.sandbox.recorder import ReceivedRequest


def never() -> float:
    raise AssertionError("chance was asked although no rule has a ratio")


def candidate(
    key: str = "evt-1/0", endpoint: str | None = "events", body: bytes = b"{}"
) -> ReceivedRequest:
    return ReceivedRequest(
        received_at=0.0, key=key, method="POST", path="", endpoint=endpoint, body=body
    )


def answered_by(*rules: str, requests: list[ReceivedRequest], now: float = 0.0) -> list[str | None]:
    """The kind of fault that answers each request, by rules that were installed at 0."""
    book = FaultBook()
    for rule in rules:
        book.install(parse_rule(rule), 0.0)
    chosen = [book.choose(request, now, never) for request in requests]
    return [rule and f"{rule.kind}{rule.code or ''}" for rule in chosen]


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("status=503", {"kind": "status", "code": 503}),
        ("status,code=503", {"kind": "status", "code": 503}),
        (
            "status=503,retry_after=2,times=2,match=evt-42",
            {"kind": "status", "code": 503, "retry_after": "2", "times": 2, "match": "evt-42"},
        ),
        (
            "status=429, retry_after=Wed, 21 Oct 2026 07:28:00 GMT, nth=5",
            {
                "kind": "status",
                "code": 429,
                "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT",
                "nth": 5,
            },
        ),
        ("slow=1.5", {"kind": "slow", "delay": 1.5}),
        ("drip,delay=2", {"kind": "drip", "delay": 2.0}),
        ("hang", {"kind": "hang"}),
        ("hang=3,accepts=false", {"kind": "hang", "delay": 3.0, "accepts": False}),
        ("reset,endpoint=users", {"kind": "reset", "endpoint": "users"}),
        ("error-body=no, thanks", {"kind": "error-body", "message": "no, thanks"}),
        ("web-page,ratio=0.1", {"kind": "web-page", "ratio": 0.1}),
        ("refuse,after=5,for=20", {"kind": "refuse", "after": 5.0, "for": 20.0}),
        ("refuse=20", {"kind": "refuse", "for": 20.0}),
        ("status=500,times=1,per_key=true", None),
    ],
)
def test_text_and_json_say_the_same_rule(text: str, described: dict[str, Any] | None) -> None:
    rule = parse_rule(text)
    assert described is None or rule.described() == described
    assert rule_from_json(rule.described()) == rule


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", 'no such fault as ""'),
        ("explode", 'no such fault as "explode"; known are status, slow, hang'),
        ("times=2,status=503", 'no such fault as "times"'),
        ("status", "status needs code"),
        ("status=", "code: Input should be a valid integer"),
        ("status=teapot", "code: Input should be a valid integer"),
        ("status=999", "code: Input should be less than or equal to 599"),
        ("status=100", "code: Input should be greater than or equal to 200"),
        ("status=503,code=500", "code is given twice"),
        ("status=503,time=2", "time: no such parameter; known are accepts, after, code"),
        ("status=503,times=0", "times: Input should be greater than or equal to 1"),
        ("status=503,times=2,times=3", "times is given twice"),
        ("status=503,per_key=true", "per_key needs times or nth"),
        ("status=503,per_key=maybe,times=1", "per_key: Input should be a valid boolean"),
        ("status=503,ratio=1.5", "ratio: Input should be less than or equal to 1"),
        ("status=503,endpoint=orders", "endpoint: Input should be 'users', 'events'"),
        ("status=503,match=", "match: String should have at least 1 character"),
        ("status=503,delay=2", "status does not understand delay"),
        ("status=503,retry_after=2\r\nX: y", "retry_after: String should match pattern"),
        ("slow", "slow needs delay"),
        ("slow=0", "delay: Input should be greater than 0"),
        ("slow=inf", "delay: Input should be less than or equal to 86400"),
        ("slow=1,accepts=true", "slow does not understand accepts"),
        ("reset=1", 'reset takes no value, but it was given "1"'),
        ("hang,retry_after=2", "hang does not understand retry_after"),
        ("refuse", "refuse needs for"),
        ("refuse,for=2,ratio=0.5", "refuse does not understand ratio"),
    ],
)
def test_a_wrong_text_is_refused_naming_the_part(text: str, reason: str) -> None:
    with pytest.raises(FaultRuleError) as caught:
        parse_rule(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "must be a JSON object"),
        ({}, "kind: Field required"),
        ({"kind": "status", "code": "503"}, "code: Input should be a valid integer"),
        ({"kind": "status", "code": True}, "code: Input should be a valid integer"),
        ({"kind": "hang", "wobble": 1}, "wobble: no such parameter"),
        ({"kind": ["hang"], "wobble": 1}, "kind: Input should be"),
    ],
)
def test_a_wrong_object_is_refused_naming_the_part(value: Any, reason: str) -> None:
    with pytest.raises(FaultRuleError) as caught:
        rule_from_json(value)
    assert reason in str(caught.value)


def test_a_number_of_seconds_may_be_a_number_in_json() -> None:
    rule = rule_from_json({"kind": "status", "code": 503, "retry_after": 2})
    assert rule.retry_after == "2"


@pytest.mark.parametrize(
    ("text", "accepts"),
    [
        ("status=503", False),
        ("status=202", True),
        ("status=503,accepts=true", True),
        ("error-body", False),
        ("web-page", False),
        ("slow=1", True),
        ("drip=1", True),
        ("hang", True),
        ("reset", True),
        ("reset,accepts=false", False),
    ],
)
def test_what_leaves_the_client_in_doubt_was_accepted(text: str, accepts: bool) -> None:
    assert parse_rule(text).accepts_call is accepts


def test_without_a_selection_every_request_is_answered() -> None:
    assert answered_by("reset", requests=[candidate(), candidate(endpoint=None)]) == ["reset"] * 2


def test_times_ends_a_rule_and_the_next_one_takes_over() -> None:
    kinds = answered_by("status=503,times=2", "status=500,times=1", requests=[candidate()] * 4)
    assert kinds == ["status503", "status503", "status500", None]


def test_nth_chooses_one_request() -> None:
    kinds = answered_by("reset,nth=3", requests=[candidate()] * 4)
    assert kinds == [None, None, "reset", None]


def test_per_key_counts_each_key_by_itself() -> None:
    requests = [candidate(key) for key in ("a/0", "b/0", "a/0", "b/0", "a/0")]
    kinds = answered_by("status=503,times=1,per_key=true", requests=requests)
    assert kinds == ["status503", "status503", None, None, None]
    kinds = answered_by("status=503,nth=2,per_key=true", requests=requests)
    assert kinds == [None, None, "status503", "status503", None]


def test_endpoint_chooses_and_others_are_not_counted() -> None:
    requests = [candidate(endpoint="users"), candidate(), candidate(endpoint=None)]
    assert answered_by("reset,endpoint=events,nth=1", requests=requests) == [None, "reset", None]


@pytest.mark.parametrize(
    ("text", "request_", "matches"),
    [
        pytest.param("evt-4", candidate("evt-42/0"), True, id="key-begins"),
        pytest.param("vt-42", candidate("evt-42/0"), False, id="key-contains"),
        pytest.param("käufe", candidate("k%C3%A4ufe-1/0"), True, id="key-encoded"),
        pytest.param("k%C3%A4", candidate("k%C3%A4ufe-1/0"), True, id="key-as-sent"),
        pytest.param("order-7", candidate(body=b'{"event_id":"order-7"}'), True, id="body"),
        pytest.param("ö", candidate(body='{"a":"ö"}'.encode()), True, id="body-utf-8"),
        pytest.param("ö", candidate(body=b'{"a":"\\u00f6"}'), True, id="body-escaped"),
        pytest.param("order-7", candidate(body=b'{"event_id":"order-8"}'), False, id="other"),
    ],
)
def test_match_looks_at_key_and_body(text: str, request_: ReceivedRequest, matches: bool) -> None:
    rule = rule_from_json({"kind": "reset", "match": text})
    book = FaultBook()
    book.install(rule, 0.0)
    assert (book.choose(request_, 0.0, never) is not None) is matches


def test_ratio_leaves_the_choice_to_chance_and_times_counts_what_it_chose() -> None:
    book = FaultBook()
    book.install(parse_rule("reset,ratio=0.5,times=2"), 0.0)
    draws = iter([0.7, 0.49, 0.5, 0.1])
    chosen = [book.choose(candidate(), 0.0, lambda: next(draws)) for _ in range(5)]
    # 0.7 no, 0.49 yes, 0.5 no, 0.1 yes, then twice is over and nothing is drawn
    assert [rule is not None for rule in chosen] == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("now", "state", "kind"),
    [
        (0.0, "waiting", None),
        (4.9, "waiting", None),
        (5.0, "active", "hang"),
        (24.9, "active", "hang"),
        (25.0, "over", None),
    ],
)
def test_a_window_begins_and_ends(now: float, state: str, kind: str | None) -> None:
    book = FaultBook()
    installed = book.install(parse_rule("hang,after=5,for=20"), 0.0)
    assert installed.state(now) == state
    assert answered_by("hang,after=5,for=20", requests=[candidate()], now=now) == [kind]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("reset,times=2", ["active", "active", "over", "over"]),
        ("reset,nth=3", ["active", "active", "active", "over"]),
        ("reset,times=1,per_key=true", ["active"] * 4),
        ("reset", ["active"] * 4),
    ],
)
def test_a_rule_that_cannot_answer_any_more_is_over(text: str, states: list[str]) -> None:
    book = FaultBook()
    installed = book.install(parse_rule(text), 0.0)
    seen = []
    for _ in range(4):
        seen.append(installed.state(1.0))
        book.choose(candidate(), 1.0, never)
    assert seen == states


def test_refuse_answers_no_request() -> None:
    assert answered_by("refuse,for=5", requests=[candidate()]) == [None]


def test_a_rule_tells_its_state_and_count() -> None:
    book = FaultBook()
    book.install(parse_rule("reset,times=1,per_key=true"), 10.0)
    for key in ("a/0", "a/0", "b/0"):
        book.choose(candidate(key), 11.0, never)
    assert [installed.described(12.0) for installed in book.rules] == [
        {
            "number": 1,
            "rule": {"kind": "reset", "times": 1, "per_key": True},
            "state": "active",
            "fired": 2,
        }
    ]


def test_numbers_are_not_used_again() -> None:
    book = FaultBook()
    book.install(parse_rule("reset"), 0.0)
    book.rules.clear()
    assert book.choose(candidate(), 0.0, never) is None
    assert book.install(parse_rule("hang"), 0.0).number == 2


def test_a_rule_cannot_be_changed() -> None:
    rule: FaultRule = parse_rule("reset")
    with pytest.raises(ValueError, match="frozen"):
        rule.kind = "hang"
