"""The status page: what `convertro status` says, for a browser. Pure.

It is read-only on purpose, because a person who may see it need not be allowed to change anything.
Only the commands of `convertro` change something, on a machine that can reach Redis.
"""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from config.printable import printable
from worker.exporter.chart import HEIGHT, WIDTH, chart
from worker.reasons import DeathReason, Fault
from worker.status.place import NEVER_USED, place_words
from worker.status.problems import mood, problems
from worker.status.status import Status, outlook
from worker.status.tables import (
    answers_of,
    durations_table,
    journal_table,
    rates_table,
    workers_table,
)
from worker.status.wording import clock_time, in_shell

#: How often the page reloads, in seconds.
REFRESH_SECONDS = 10

#: The page loads nothing and runs no scripts, and no site may show it in a frame.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

#: Reasons for which a dead letter becomes one again each time it is redriven.
_UNDELIVERABLE = frozenset(reason for reason in DeathReason if reason.fault is Fault.SENDER)

_COMMAND = re.compile(r"`([^`]*)`")


def status_page(status: Status) -> str:
    """The whole page."""
    snapshot = status.snapshot
    return _TEMPLATE.render(
        status=status,
        mood=mood(status),
        place=place_words(status.settings),
        never_used=NEVER_USED if snapshot.never_used else "",
        problems=list(problems(status)),
        outlook=list(outlook(status)),
        chart=chart(snapshot.recent),
        tables=[
            journal_table(status),
            rates_table(snapshot),
            durations_table(snapshot),
            workers_table(status),
        ],
        deaths=[
            (reason, number, answers_of(snapshot, reason), _remedy(reason))
            for reason, number in snapshot.dead_by_reason.items()
        ],
        read_at=clock_time(snapshot.now_ms)[11:],
    )


def _remedy(reason: str) -> str:
    """The command for a reason's dead letters: redrive once the cause is mended, or discard."""
    verb = "discard" if reason in _UNDELIVERABLE else "redrive"
    return f"convertro dead {verb} --reason {in_shell(reason)}"


def outage_page(sentence: str) -> str:
    """The page while the journal cannot be read."""
    return _OUTAGE.render(sentence=sentence)


def with_code(sentence: str) -> Markup:
    """A sentence in HTML; what is between backticks becomes code."""
    parts = _COMMAND.split(printable(sentence))
    shown = (
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
    return Markup().join(shown)


_ENVIRONMENT = Environment(
    loader=PackageLoader("worker.exporter"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "with_code": with_code,
    "printable": printable,
    "in_shell": in_shell,
}
_ENVIRONMENT.globals |= {
    "refresh_seconds": REFRESH_SECONDS,
    "width": WIDTH,
    "height": HEIGHT,
}
_TEMPLATE = _ENVIRONMENT.get_template("status.html")
_OUTAGE = _ENVIRONMENT.get_template("outage.html")
