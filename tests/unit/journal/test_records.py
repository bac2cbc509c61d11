"""Records as the scripts write them, and what they read."""

import msgspec
import pytest

from worker.journal.records import (
    UNKNOWN_CALL,
    Attempt,
    Finish,
    Move,
    Record,
    SentCall,
    read_record,
)


@pytest.mark.parametrize(
    ("stored", "record"),
    [
        (b"{}", Record()),
        (b'{"outcomes": [{}], "lease": "l"}', Record(outcomes=(Attempt(),))),
        (
            b"""{"accepted_at": 1.777889730123e+12, "tried_at": 1777889730123.0, "status": 400.0,
            "in_doubt": {"*": 2.0}, "key_numbers": {"sale/2": 1.0}, "accepted": ["sale"]}""",
            Record(
                accepted_at_ms=1_777_889_730_123,
                tried_at_ms=1_777_889_730_123,
                status=400,
                in_doubt={"*": 2},
                key_numbers={"sale/2": 1},
                accepted=("sale",),
            ),
        ),
    ],
)
def test_a_record_is_read_whatever_it_lacks(stored: bytes, record: Record) -> None:
    assert read_record(stored) == record


def test_a_finish_is_written_without_unset_fields() -> None:
    finish = Finish(event_id="e", lease="l", move=Move.DELIVERED)
    assert msgspec.json.encode(finish) == b'{"id":"e","lease":"l","to":"delivered"}'
    attempt = Attempt(at_ms=1, call=UNKNOWN_CALL, outcome_class="ambiguous", detail="interrupted")
    sent = SentCall(call="sale", path="/p", body="{}")
    finish = Finish(
        event_id="e", lease="l", move=Move.KEPT, attempts=(attempt,), accepted=["sale"], sent=sent
    )
    assert msgspec.json.decode(msgspec.json.encode(finish)) == {
        "id": "e",
        "lease": "l",
        "to": "kept",
        "sent": {"call": "sale", "path": "/p", "body": "{}"},
        "outcomes": [{"at": 1, "call": "*", "class": "ambiguous", "detail": "interrupted"}],
        "accepted": ["sale"],
    }
