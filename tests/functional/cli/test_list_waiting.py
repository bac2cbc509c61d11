"""`convertro list waiting`: the events that are not finished."""

import json

from tests.support.cli_process import MARKER, Cli, Filler, attempt
from tests.support.events import web_track
from worker.journal.reading import PAGE
from worker.journal.records import Move


def rows(told: str) -> list[list[str]]:
    """The table's rows, without its head."""
    return [line.split() for line in told.partition("\n\n")[0].splitlines()[1:]]


def test_each_event_says_when_it_is_tried_next_and_what_came_of_the_last_try(
    cli: Cli, filler: Filler
) -> None:
    filler.finish(
        Move.POSTPONED,
        "later",
        delay_ms=3_500_000,
        attempts=[attempt(outcome_class="ambiguous", status=503, detail="http_503")],
    )
    filler.claim("held")
    filler.journal.accept([("sale", json.dumps(web_track(messageId="sale")).encode())])
    told = cli("list", "waiting").stdout
    assert [row[-1] for row in rows(told)] == ["sale", "held", "later"]
    assert rows(told)[0][:1] == ["now"]
    assert "Signed Up" in told
    assert rows(told)[1][:1] == ["claimed"]
    assert rows(told)[2][:3] == ["in", "58", "min"]
    assert rows(told)[2][-3:] == ["http_503", "identify", "later"]
    summary = "3 events: 1 due now, 1 claimed by a worker, 1 waiting for a later try\n"
    assert told.endswith(f"{summary}{cli.place}")
    assert MARKER not in told


def test_the_list_has_what_a_script_needs(cli: Cli, filler: Filler) -> None:
    filler.claim("held")
    filler.accept("due")
    due, held = cli.json("list", "waiting")
    assert due.pop("next_try_at") == due.pop("accepted_at")
    assert due == {
        "id": "due",
        "event": "identify",
        "place": "due",
        "first_attempt_at": None,
        "attempts": 0,
        "postponed": 0,
        "outcome": None,
        "may_have_been_delivered": False,
    }
    assert (held["place"], held["next_try_at"]) == ("claimed", None)


def test_the_list_can_be_short_and_can_begin_at_its_end(cli: Cli, filler: Filler) -> None:
    names = [f"event-{number:03}" for number in range(2 * PAGE + 7)]
    filler.accept(*names)
    assert [event["id"] for event in cli.json("list", "waiting")] == names
    newest = cli.json("list", "waiting", "--newest")
    assert [event["id"] for event in newest] == names[::-1]
    told = cli("list", "waiting", "--limit", "2", "--newest").stdout
    assert [row[-1] for row in rows(told)] == [names[-1], names[-2]]
    assert "\n205 more with a larger --limit\n" in told


def test_an_empty_list_is_empty(cli: Cli) -> None:
    assert cli.json("list", "waiting") == []
    told = cli("list", "waiting").stdout
    assert told.startswith("0 events: 0 due now, 0 claimed by a worker, 0 waiting")
