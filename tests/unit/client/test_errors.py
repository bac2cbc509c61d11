"""Errors are values: they have one sentence, carry data, and survive pickling."""

import pickle

import pytest
from redis.exceptions import ResponseError

from convertro import InvalidEvent, InvalidEvents, JournalUnavailable, SettingsError
from convertro.connection import kind_of

ERRORS = [
    InvalidEvent("type", "is missing"),
    InvalidEvents({1: InvalidEvent("type", "is missing")}, ["one", None]),
    JournalUnavailable("it is full"),
    JournalUnavailable("it is full", ("one",), ("one", None, "two")),
    SettingsError("url: is wrong"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_survives_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert "\n" not in str(error)
    written = {name: str(value) for name, value in vars(error).items()}
    assert {name: str(value) for name, value in vars(again).items()} == written


def test_the_errors_of_many_events_are_there_again_after_pickling() -> None:
    error = InvalidEvents({1: InvalidEvent("type", "is missing")}, ["one", None])
    again = pickle.loads(pickle.dumps(error))
    assert (again.ids, again.errors[1].field, again.field) == (["one", None], "type", error.field)


@pytest.mark.parametrize(
    ("accepted", "ids", "event_id"),
    [
        ((), ("one",), "one"),
        (("one",), ("one", None, "two", "three"), "two"),
        ((), (), None),
        (("one",), ("one",), None),
    ],
)
def test_the_event_that_may_be_lost_is_the_first_that_is_not_known_to_be_safe(
    accepted: tuple[str, ...], ids: tuple[str | None, ...], event_id: str | None
) -> None:
    assert JournalUnavailable("it is full", accepted, ids).event_id == event_id


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("The user executing the script can't run this command or subcommand", "NoPermissionError"),
        ("ACL failure in script: User default has no permissions to run …", "NoPermissionError"),
        ("unknown command 'EVALSHA'", "ResponseError"),
    ],
)
def test_a_right_that_a_script_lacks_is_named_as_one(said: str, kind: str) -> None:
    """The code with which Redis says so otherwise is missing then."""
    assert kind_of(ResponseError(said)) == kind
