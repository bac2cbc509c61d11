"""The idempotency keys that a vendor sees for the calls of one event, whatever happens to it."""

import json
from collections import deque

import fakeredis
import pytest

from config.settings import Settings
from tests.support.events import ORDER, order_completed, web_track
from tests.support.fakes import FakeTransport, answered, deliver_here
from tests.support.letters import deaths_of
from worker.delivery.event import Delivery
from worker.delivery.run import _interrupted
from worker.journal.journal import Journal
from worker.journal.records import Record

#: Settings with which a failed event is a dead letter at once.
SETTINGS = Settings(
    client_name="acme",
    site_id="1234",
    domain="shop.example.com",
    retry_horizon_seconds=0,
    blip_tries=1,
    breaker_min_count=10_000,
)
HYBRID = SETTINGS.model_copy(update={"hybrid_attribution_model": True})

LEASE_MS = 60_000


class Bench:
    """One event in a real journal, its worker, its operator, and a vendor."""

    def __init__(self, event: object) -> None:
        self.now_ms = 1_800_000_000_000
        redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.journal = Journal(redis, SETTINGS, clock=lambda: self.now_ms, shebang=False)
        self.journal.tick("worker", 4, [])
        self.journal.accept([("m", json.dumps(event).encode())])
        self.vendor = FakeTransport()

    def deliver(
        self, settings: Settings, *answers: str, killed: bool = False, handed_back: bool = False
    ) -> None:
        """Let a worker claim the event and send its calls, which get some answers."""
        self.vendor.outcomes = deque(answered(name) for name in answers)
        self.now_ms += LEASE_MS
        self.journal.tick("worker", 4, [])
        lease = f"lease-{self.now_ms}"
        (claimed,) = self.journal.claim("wakeup", lease, 1).events
        delivery = Delivery(settings, self.vendor, self.journal, now_ms=lambda: self.now_ms)
        finish = deliver_here(delivery, claimed)
        if handed_back:
            finish = _interrupted(claimed)
        if finish and not killed:
            self.journal.finish([finish])

    def redrive(self) -> None:
        assert self.journal.redrive(deaths_of(self.journal, "m")) == (True,)

    @property
    def record(self) -> Record:
        record = self.journal.look("m").record
        assert record is not None
        return record

    @property
    def keys(self) -> list[str]:
        return [key.removeprefix("m/") for _, _, key in self.vendor.sent]


@pytest.mark.parametrize(
    ("story", "keys"),
    [
        ("rejected redrive accepted", "sale.new sale.new~1"),
        ("rejected redrive rejected redrive accepted", "sale.new sale.new~1 sale.new~2"),
        ("unsent redrive rejected redrive accepted", "sale.new sale.new sale.new~2"),
        ("rejected redrive unsent redrive accepted", "sale.new sale.new~1 sale.new~1"),
        # A call that may have been delivered keeps its key for ever.
        ("ambiguous redrive accepted", "sale.new sale.new"),
        ("ambiguous redrive rejected redrive accepted", "sale.new sale.new sale.new"),
        ("killed rejected redrive accepted", "sale.new sale.new sale.new"),
        ("handed_back rejected redrive accepted", "sale.new sale.new sale.new"),
        ("rejected redrive ambiguous redrive accepted", "sale.new sale.new~1 sale.new~1"),
        (
            "rejected redrive ambiguous redrive rejected redrive accepted",
            "sale.new sale.new~1 sale.new~1 sale.new~1",
        ),
        (
            "rejected redrive killed rejected redrive rejected redrive accepted",
            "sale.new sale.new~1 sale.new~1 sale.new~1 sale.new~1",
        ),
    ],
)
def test_only_a_call_that_surely_never_arrived_gets_another_key(story: str, keys: str) -> None:
    bench = Bench(order_completed(properties={**ORDER, "repeat": False}))
    for step in story.split():
        if step == "redrive":
            bench.redrive()
        elif step in {"killed", "handed_back"}:
            bench.deliver(SETTINGS, "accepted", **{step: True})
        else:
            bench.deliver(SETTINGS, step)
    assert bench.keys == keys.split()
    assert bench.journal.look("m").place == "finished"


@pytest.mark.parametrize(
    ("stories", "keys"),
    [
        (("accepted rejected", "accepted"), "sale.new sale sale~1"),
        (("rejected", "accepted rejected", "accepted"), "sale.new sale.new~1 sale sale~2"),
        (("ambiguous", "accepted rejected", "accepted"), "sale.new sale.new sale sale~2"),
        (("accepted ambiguous", "rejected", "accepted"), "sale.new sale sale sale"),
        (("rejected", "accepted accepted"), "sale.new sale.new~1 sale"),
    ],
)
def test_each_call_of_an_event_has_a_key_by_itself(stories: tuple[str, ...], keys: str) -> None:
    """Each story but the last ends with a dead letter, which is redriven."""
    bench = Bench(order_completed(properties={**ORDER, "repeat": False}))
    for number, answers in enumerate(stories):
        if number:
            bench.redrive()
        bench.deliver(HYBRID, *answers.split())
    assert bench.keys == keys.split()
    assert bench.journal.look("m").place == "finished"


def test_a_new_call_after_a_redrive_needs_no_new_key() -> None:
    bench = Bench(web_track())
    bench.deliver(mapped("a"), "rejected")
    bench.redrive()
    bench.deliver(mapped("b"), "rejected")
    bench.redrive()
    bench.deliver(mapped("a", "b"), "accepted", "accepted")
    assert bench.keys == ["a", "b", "a~1", "b~2"]


def mapped(*types: str) -> Settings:
    events = [{"key": "Signed Up", "value": one} for one in types]
    return Settings.model_validate({**SETTINGS.model_dump(), "events": events})


@pytest.mark.parametrize("loss", ["answer", "worker"])
def test_a_swapped_mapping_sends_no_other_call_under_a_known_key(loss: str) -> None:
    """The answer to A was lost; then a worker starts with the mapping in another order."""
    bench = Bench(web_track())
    if loss == "worker":
        bench.deliver(mapped("A", "B"), "ambiguous", killed=True)
    else:
        bench.deliver(mapped("A", "B"), "ambiguous")
        bench.redrive()
    bench.deliver(mapped("B", "A"), "accepted", "accepted")
    seen = [(key, json.loads(body)["event_type"]) for _, body, key in bench.vendor.sent]
    assert seen == [("m/A", "A"), ("m/B", "B"), ("m/A", "A")]
    assert bench.journal.look("m").place == "finished"


def test_a_late_answer_of_a_worker_that_lost_its_lease_gives_no_new_key() -> None:
    bench = Bench(web_track())
    (late,) = bench.journal.claim("wakeup", "late", 1).events
    delivery = Delivery(mapped("A"), FakeTransport(deque([answered("rejected")])), bench.journal)
    finish = deliver_here(delivery, late)
    assert finish is not None
    bench.now_ms += LEASE_MS
    bench.deliver(mapped("A"), "rejected")
    bench.redrive()
    bench.journal.finish([finish])
    bench.deliver(mapped("A"), "rejected")
    bench.redrive()
    assert bench.record.key_numbers == {}
    assert bench.record.in_doubt == {"*": 1}
