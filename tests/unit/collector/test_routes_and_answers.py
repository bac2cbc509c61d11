"""What each path does, and the answers."""

import json

import pytest
from structlog.testing import capture_logs

from convertro.errors import InvalidEvent
from worker.collector import answers
from worker.collector.refusal_log import RefusalLog
from worker.collector.routes import Action, route_of
from worker.process.once_a_minute import LOG_SECONDS


@pytest.mark.parametrize(
    ("path", "name", "event_type"),
    [
        ("/v1/track", "track", "track"),
        ("/v1/t", "track", "track"),
        ("/v1/i", "identify", "identify"),
        ("/v1/p", "page", "page"),
        ("/v1/s", "screen", "screen"),
        ("/v1/g", "group", "group"),
        ("/v1/a", "alias", "alias"),
        ("/v1/alias/", "alias", "alias"),
        ("/v1/batch", "batch", None),
        ("/v1/b", "batch", None),
        ("/v1/import/", "import", None),
        ("/v1/batch?x=/v1/track", "batch", None),
        ("//v1/batch", "batch", None),
        ("/v1//t/", "track", "track"),
    ],
)
def test_a_path_says_what_its_body_holds(path: str, name: str, event_type: str | None) -> None:
    route, key = route_of(path)
    assert route is not None
    assert (route.name, route.action, route.event_type, key) == (
        name,
        Action.COLLECT,
        event_type,
        "",
    )


def test_a_write_key_may_be_part_of_the_path() -> None:
    route, key = route_of("/v1/projects/shop-web/settings?x=1")
    assert route is not None
    assert (route.action, key) == (Action.SETTINGS, "shop-web")


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/x", "/v2/track", "/V1/track", "//metrics"])
def test_other_paths_are_not_found(path: str) -> None:
    assert route_of(path) == (None, "")


def test_what_was_refused_is_named_by_its_place_and_nothing_of_it_is_said() -> None:
    errors = [
        (3, InvalidEvent("type", "is missing")),
        (5, InvalidEvent("ada@example.com", "holds NaN")),
    ]
    answer = answers.taken(2, errors)
    body = json.loads(answer.body)
    assert (answer.status, body["success"]) == (200, True)
    assert body["refused"] == [
        {"index": 3, "field": "type", "reason": "is missing"},
        {"index": 5, "field": "event", "reason": "holds NaN"},
    ]


def test_if_nothing_can_be_accepted_it_is_the_senders_error() -> None:
    answer = answers.taken(0, [(0, InvalidEvent("type", "is missing"))])
    assert (answer.status, json.loads(answer.body)["success"]) == (400, False)


def test_an_empty_batch_is_no_error() -> None:
    assert answers.taken(0, []) == answers.TAKEN


def test_an_answer_names_a_hundred_at_most() -> None:
    errors = [(index, InvalidEvent("type", "is missing")) for index in range(2500)]
    body = json.loads(answers.taken(0, errors).body)
    assert body["message"] == "2500 events refused"
    assert len(body["refused"]) == 100


@pytest.mark.parametrize(("wait", "header"), [(0.001, "1"), (1.2, "2"), (10.0, "10")])
def test_retry_after_is_in_whole_seconds(wait: float, header: str) -> None:
    assert answers.too_often(wait).headers == {"Retry-After": header}


def test_a_kind_of_refusal_is_logged_once_a_minute() -> None:
    now = 0.0
    log = RefusalLog(now=lambda: now)
    with capture_logs() as lines:
        for _ in range(5):
            log.note("unknown_key")
        log.note("not_json", 3)
        now = LOG_SECONDS
        log.note("unknown_key")
    told = [(line["kind"], line["number"]) for line in lines]
    assert told == [("unknown_key", 1), ("not_json", 3), ("unknown_key", 5)]
