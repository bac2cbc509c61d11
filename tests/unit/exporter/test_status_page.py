"""The status page and its chart, for journals made by tests."""

import re
from html.parser import HTMLParser

import fakeredis
import pytest

from config.settings import Settings
from convertro.intake_journal import SLOT_MS, SLOTS
from worker.exporter.chart import HEIGHT, WIDTH, chart
from worker.exporter.status_page import outage_page, status_page, with_code
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Finish, Move
from worker.journal.snapshot import Memory, Recent
from worker.outcomes import OutcomeClass
from worker.reasons import DeathReason, Fault
from worker.status.status import Status

NOW_MS = 1_800_000_004_000

SETTINGS = Settings()

#: Elements without an end tag in HTML.
VOID = {"meta", "link"}


class Outline(HTMLParser):
    """Checks that elements are closed in order, with no script, form or outside resource."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in {"src", "href"} or value in {"data:,", "api/status"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def journal(server: fakeredis.FakeServer) -> Journal:
    return Journal(
        fakeredis.FakeRedis(server=server),
        SETTINGS,
        clock=lambda: NOW_MS,
        shebang=False,
        worker="celery@a/1-aaaa",
    )


def page_of(journal: Journal) -> str:
    snapshot = journal.snapshot(recent=True)
    memory = Memory(used=1_000_000, bound=0)
    page = status_page(Status(snapshot=snapshot, memory=memory, settings=SETTINGS))
    assert not Outline(page).seen & {"script", "form", "button", "input", "iframe"}
    return page


def bury(journal: Journal, name: str, reason: str, status: int | None) -> None:
    journal.tick("celery@a/1-aaaa", 2, [])
    journal.accept([(name, b"{}")], offered=1)
    (event,) = journal.claim("wakeup", f"lease-{name}", 100).events
    attempt = Attempt(
        at_ms=NOW_MS,
        call="sale",
        outcome_class="rejected",
        detail="detail",
        status=status,
        took_ms=70,
    )
    journal.finish(
        [
            Finish(
                event_id=name,
                lease=event.lease,
                move=Move.DEAD,
                reason=reason,
                outcome_class="rejected",
                status=status,
                attempts=(attempt,),
            )
        ]
    )


def test_a_journal_that_was_never_used_has_a_page(journal: Journal) -> None:
    page = page_of(journal)
    assert '<h1 class="bad">no worker is alive: nothing waits</h1>' in page
    assert "This journal has never been used" in page
    assert (
        '<p class="place">Read at 08:00:04 UTC from Redis 127.0.0.1:6379, database 0, '
        "keys {convertro}:*</p>"
    ) in page
    assert "Dead letters" not in page
    assert '<ul class="problems">' not in page


def test_all_is_well(journal: Journal) -> None:
    journal.tick("celery@a/1-aaaa", 2, [])
    page = page_of(journal)
    assert '<h1 class="good">idle: nothing is due, 1 worker</h1>' in page
    assert "<title>idle: Convertro destination</title>" in page
    assert ">celery@a/1-aaaa</td>" in page


@pytest.mark.parametrize("reason", DeathReason)
def test_dead_letters_are_shown_with_the_commands_for_them(
    journal: Journal, reason: DeathReason
) -> None:
    bury(journal, "event-1", reason, 400)
    page = page_of(journal)
    verb = "discard" if reason.fault is Fault.SENDER else "redrive"
    assert f"<code>convertro dead list --reason {reason}</code>" in page
    assert f"<code>convertro dead {verb} --reason {reason}</code>" in page
    assert f"<dt>{reason}: 1, 1 answered 400</dt>" in page
    assert "event-1" not in page


def test_a_command_to_copy_does_nothing_else_whatever_is_in_redis(
    journal: Journal, server: fakeredis.FakeServer
) -> None:
    deaths = f"{SETTINGS.key_prefix}deaths"
    fakeredis.FakeRedis(server=server).hset(deaths, "x; reboot 400", 1)
    page = page_of(journal)
    assert "<code>convertro dead list --reason &#39;x; reboot&#39;</code>" in page
    assert "<code>convertro dead redrive --reason &#39;x; reboot&#39;</code>" in page


def test_a_problem_is_shown_with_its_commands(journal: Journal) -> None:
    journal.tick("celery@a/1-aaaa", 2, [])
    journal.pause("")
    page = page_of(journal)
    assert '<h1 class="bad">paused since 2027-01-15 08:00:04 UTC: nothing waits, 1 worker' in page
    assert '<li id="paused">Held by hand: <code>convertro resume</code> ends it.</li>' in page


def test_what_people_wrote_is_shown_as_they_wrote_it(journal: Journal) -> None:
    journal.tick("celery@<b>/1-aaaa", 2, [])
    journal.pause('</h1><script>alert("1")</script>\u202e')
    page = page_of(journal)
    assert "(&lt;/h1&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;\\u202e)" in page
    assert "celery@&lt;b&gt;/1-aaaa" in page


def test_an_outage_has_a_page_of_its_own() -> None:
    page = outage_page("the journal is unavailable: ConnectionError: <nowhere>")
    Outline(page)
    assert "ConnectionError: &lt;nowhere&gt;</p>" in page


def test_commands_are_code_and_nothing_else_is() -> None:
    assert with_code("a `b <c>` d `e`") == "a <code>b &lt;c&gt;</code> d <code>e</code>"
    assert with_code("<a>") == "&lt;a&gt;"


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", line)]


def test_the_chart_of_nothing_is_empty() -> None:
    drawn = chart(Recent(NOW_MS))
    assert drawn.top == 1
    for line in drawn.lines:
        assert (line.points, line.latest) == ("", 0)


def test_what_never_happened_is_not_drawn(journal: Journal) -> None:
    journal.tick("celery@a/1-aaaa", 2, [])
    page = page_of(journal)
    assert page.count("<polyline") == page.count('points="0,5 32,5"') == 3
    slots = {NOW_MS // SLOT_MS - 1: {"delivered": 3}}
    drawn = {line.name: line.points for line in chart(Recent(NOW_MS, slots)).lines}
    assert len(points(drawn["delivered"])) == SLOTS
    assert drawn["attempts that failed"] == ""


def test_the_chart_ends_with_the_last_ten_seconds_that_are_over() -> None:
    current = NOW_MS // SLOT_MS
    slots = {
        current: {"accepted": 1_000_000},
        current - 1: {"accepted": 300, "delivered": 150, f"attempts:{OutcomeClass.REJECTED}": 10},
        current - SLOTS: {"delivered": 600},
        current - SLOTS - 1: {"delivered": 1_000_000},
    }
    shown = chart(Recent(NOW_MS, slots))
    drawn = {line.name: line for line in shown.lines}
    assert shown.top == 100
    assert drawn["accepted"].latest == 30
    assert points(drawn["accepted"].points)[-1] == (WIDTH, HEIGHT * 0.7)
    assert points(drawn["delivered"].points)[0] == (0, HEIGHT * 0.4)
    assert drawn["attempts that failed"].latest == 1


@pytest.mark.parametrize(
    ("rate", "top"), [(0, 1), (1, 1), (1.1, 2), (5, 5), (5.1, 10), (99, 100), (4321, 5000)]
)
def test_the_top_of_the_chart_is_a_round_number(rate: float, top: float) -> None:
    counted = {"accepted": round(rate * SLOT_MS / 1000)}
    assert chart(Recent(NOW_MS, {NOW_MS // SLOT_MS - 1: counted})).top == top
