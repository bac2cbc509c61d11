"""What is wrong, and what to do about it, in a sentence or two for each problem. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from convertro.intake_journal import FULL_SHARE
from convertro.segment_event import MAX_EVENT_BYTES
from worker.journal.breaker_state import BreakerState, Cause
from worker.journal.snapshot import Memory, Snapshot, total_of
from worker.outcomes import TLS_ADVICE, OutcomeClass
from worker.reasons import (
    LIKELY_ORDER_ID_NAMES,
    REVENUE_REMOVED,
    DeathReason,
    Note,
    SkipReason,
)
from worker.status.status import Status
from worker.status.wording import ago, counted, duration, in_shell, nodes_of

#: The share of Redis's memory above which an operator is warned; above `FULL_SHARE` the journal
#: refuses new events.
_FILLING = 0.75

#: The most memory that a remembered id takes, in bytes.
_REMEMBERED_BYTES = 500

#: The share of a bound on dead letters above which an operator is warned: at the bound those that
#: are worth least are removed.
_NEARLY_ALL = 0.8

#: How long a failure counts as recent, in seconds.
_NEWS_SECONDS = 300

#: How long `status` reports what senders should correct, in seconds: the span for which recent
#: counts are kept.
_SENDER_SECONDS = 900

#: The number of skipped events from which the settings are suspected.
_MANY_SKIPPED = 100

#: How long `status` reports that a bound removed a dead letter that may bear revenue, in seconds.
_LOSS_SECONDS = 86_400

#: HTTP statuses which mean that the address is wrong rather than the event.
_WRONG_ADDRESS = frozenset({404, 405, 410})

#: Classes of outcomes after which a call is not tried again.
_NOT_RETRIED = frozenset({OutcomeClass.ACCEPTED, OutcomeClass.REJECTED})

#: Ends of details which mean that no connection was made.
_UNREACHABLE = ("no_connection", "connect_timeout", "proxy_failure")

#: How a hold ends.
_GOES_ON = "Deliveries go on by themselves with the first probe that Convertro accepts."
_GOES_ON_CORRECTED = (
    "Deliveries then go on with the first probe that Convertro accepts; `convertro resume` saves "
    "the wait for it."
)

#: What to do about each cause of holding.
_ADVICE = {
    Cause.FAILURES: f"Convertro is failing; nothing is wrong here. {_GOES_ON}",
    Cause.SETUP: (
        "Convertro, or a proxy before it, refuses us. Compare CONVERTRO_BASE_URL, "
        "CONVERTRO_CLIENT_NAME and CONVERTRO_SITE_ID with your account and restart the workers "
        f"with the right ones. {_GOES_ON_CORRECTED}"
    ),
    Cause.THROTTLED: (
        "Convertro names the time itself; CONVERTRO_MAX_REQUESTS_PER_SECOND keeps below its limit. "
        f"{_GOES_ON}"
    ),
    Cause.BURIALS: (
        "Probably the settings or this program are wrong, not the events. Look at one with "
        "`convertro dead list` and `convertro dead show ID`; correct it and restart the workers. "
        f"{_GOES_ON_CORRECTED}"
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and what to do."""

    #: A stable name, for scripts.
    name: str
    sentence: str


def problems(status: Status) -> Iterator[Problem]:
    """Find everything that is wrong, the most urgent first; lost orders are the most urgent."""
    yield from _order_problems(status.snapshot)
    if status.refusal:
        yield Problem("redis_refuses", status.refusal)
    if status.memory:
        yield from _redis_problems(status.memory, status.snapshot)
    yield from _journal_problems(status.snapshot)
    yield from _worker_problems(status)
    if status.snapshot.pause:
        yield Problem("paused", "Held by hand: `convertro resume` ends it.")
    yield from _convertro_problems(status)
    yield from _dead_problems(status)
    yield from _skip_problems(status.snapshot)
    yield from _sender_problems(status.snapshot)
    yield from _queue_problems(status.snapshot)


def mood(status: Status) -> str:
    """`bad` if nothing is delivered or accepted, `warning` at any other problem, or `good`."""
    if not status.is_well:
        return "bad"
    return "warning" if any(problems(status)) else "good"


def _redis_problems(memory: Memory, snapshot: Snapshot) -> Iterator[Problem]:
    megabytes = f"{memory.used / 1e6:,.0f} of {memory.bound / 1e6:,.0f} MB"
    used = f"uses {megabytes} ({memory.share * 100:.0f} %)"
    most = f"above {FULL_SHARE * 100:.0f} %"
    if memory.is_full:
        yield Problem(
            "redis_full",
            f"Redis is full: new events are refused {most}, and lost unless their senders keep "
            f"them. It {used}. Raise maxmemory (`CONFIG SET maxmemory …`), then find out what "
            f"fills it: {_what_fills(memory, snapshot)}.",
        )
    elif memory.share > _FILLING:
        yield Problem("redis_fills", f"Redis fills up: it {used}; {most} new events are refused.")


def _what_fills(memory: Memory, snapshot: Snapshot) -> str:
    most = snapshot.stored * MAX_EVENT_BYTES + snapshot.remembered * _REMEMBERED_BYTES
    if most < memory.used / 2:
        return (
            "probably keys of other programs, as the journal holds only "
            f"{counted(snapshot.stored, 'event')}"
        )
    return "due events, dead letters, or keys of other programs"


def _journal_problems(snapshot: Snapshot) -> Iterator[Problem]:
    if snapshot.unaccounted or snapshot.stored != snapshot.in_flight + snapshot.dead:
        yield Problem(
            "unaccounted",
            "The journal does not add up: `convertro audit` says what is missing. Something else "
            "wrote to Redis, or Redis lost data (eviction, an older copy, DEL).",
        )


def _worker_problems(status: Status) -> Iterator[Problem]:
    snapshot = status.snapshot
    if status.refusal:  # a sign of life is a write, so it is unknown whether workers are alive
        return
    if silent := snapshot.silent:
        last = max(worker.ticked_ms for worker in silent)
        alone = "" if snapshot.workers else ", and no other worker is alive"
        nodes = {worker.node for worker in silent}
        node = in_shell(nodes.pop()) if len(nodes) == 1 else "NODE"
        yield Problem(
            "worker_silent",
            f"{nodes_of(silent)} went silent {ago(last, snapshot.now_ms)}{alone}. If its process "
            f"is gone, start it under the same name (`celery -A worker.app worker -n {node}`); if "
            "it hangs, kill it, then start it; if it runs, `convertro preflight` on its machine "
            "says whether it reaches Redis; if it is not to come back, "
            f"`convertro forget {node}`.",
        )
    elif not snapshot.workers and snapshot.in_flight:
        yield Problem(
            "no_worker", "No worker delivers: start one with `celery -A worker.app worker`."
        )
    if stuck := snapshot.stuck:
        asked = max(worker.asked_ms or 0 for worker in stuck)
        yield Problem(
            "worker_stuck",
            f"{nodes_of(stuck)} {'is' if len(stuck) == 1 else 'are'} alive but asked for work "
            f"{ago(asked, snapshot.now_ms)}, although some waits: hung; kill it and start it "
            "again, its events come back when their leases end.",
        )


def _convertro_problems(status: Status) -> Iterator[Problem]:
    snapshot = status.snapshot
    breaker = snapshot.breaker
    if breaker.cause:
        advice = _address_advice(breaker.detail or "") or _ADVICE[breaker.cause]
        yield Problem(
            f"held_{breaker.cause.value}",
            f"{advice} Nothing is lost or given up meanwhile; {_probes(status)}."
            f"{_buried_before(snapshot) if breaker.cause is Cause.BURIALS else ''}",
        )
    elif (failed_ms := snapshot.latest.failed_ms) and _is_news(failed_ms, snapshot):
        yield from _failed_attempts(snapshot, failed_ms)


def _failed_attempts(snapshot: Snapshot, failed_ms: int) -> Iterator[Problem]:
    """Attempts that failed and are repeated; rejected calls are reported with the dead letters."""
    attempts = _lately(snapshot, "attempts")
    failed = sum(number for kind, number in attempts.items() if kind not in _NOT_RETRIED)
    if not failed:
        return
    latest = f": {snapshot.latest.failed_detail}"
    if snapshot.latest.failed_class in _NOT_RETRIED:
        latest = ""
    again = ""
    if snapshot.tried:
        one = snapshot.tried == 1
        again = (
            f" No action is needed now: {counted(snapshot.tried, 'event')} "
            f"{'is tried again by itself' if one else 'are tried again by themselves'}; "
            f"`convertro list waiting` shows {'it' if one else 'them'}."
        )
    yield Problem(
        "attempts_fail",
        f"{failed:,} of the {counted(sum(attempts.values()), 'attempt')} of the last "
        f"{duration(_NEWS_SECONDS)} failed, the latest {ago(failed_ms, snapshot.now_ms)}{latest}."
        f"{again}",
    )


def _buried_before(snapshot: Snapshot) -> str:
    reasons = _lately(snapshot, "dead")
    if not reasons:
        return ""
    most = max(reasons, key=lambda reason: reasons[reason])
    return (
        f" {counted(sum(reasons.values()), 'event')} became dead letters before: once deliveries "
        f"go on, `convertro dead redrive --reason {in_shell(most)}`."
    )


def _is_news(failed_ms: int, snapshot: Snapshot) -> bool:
    """Whether a failure is recent and not over.

    It is over once an event was delivered after it and no event that failed is unfinished.
    """
    is_over = not snapshot.tried and (snapshot.latest.delivered_ms or 0) > failed_ms
    return snapshot.now_ms - failed_ms < _NEWS_SECONDS * 1000 and not is_over


def _address_advice(detail: str) -> str | None:
    if any(detail.endswith(f"http_{status}") for status in _WRONG_ADDRESS):
        return (
            f"Convertro does not know the address it is asked for ({detail}): probably "
            "CONVERTRO_SITE_ID, CONVERTRO_CLIENT_NAME or a path is wrong; restart the workers "
            f"with the right one. {_GOES_ON_CORRECTED}"
        )
    if advice := TLS_ADVICE.get(detail.rpartition(" ")[2]):
        return (
            f"TLS to Convertro fails ({detail}): {advice}. Restart the workers with what was "
            f"changed. {_GOES_ON_CORRECTED}"
        )
    if detail.endswith(_UNREACHABLE):
        return (
            f"Convertro cannot be reached ({detail}): it is down, or the way to it is (name, "
            "firewall, proxy, CONVERTRO_BASE_URL); `convertro preflight` tries it from here. "
            f"{_GOES_ON}"
        )
    return None


def _probes(status: Status) -> str:
    breaker = status.snapshot.breaker
    failed = f"{counted(breaker.probes_failed, 'probe')} failed" if breaker.probes_failed else ""
    wait_ms = (breaker.probe_at_ms or 0) - status.snapshot.now_ms
    if status.snapshot.pause:
        coming = "none goes while deliveries are paused"
    elif breaker.state is BreakerState.HALF_OPEN:
        coming = "one is out now"
    elif not status.snapshot.workers:
        coming = "a probe needs a worker"
    elif wait_ms > 0:
        coming = f"the next probe goes in {duration(wait_ms / 1000)}"
    else:
        is_due = status.snapshot.due_now
        coming = "the next is about to go" if is_due else "one goes as soon as an event is due"
    return ", ".join(part for part in (failed, coming) if part)


def _dead_problems(status: Status) -> Iterator[Problem]:
    snapshot = status.snapshot
    unknown = sum(
        number for (_, status), number in snapshot.deaths.items() if status in _WRONG_ADDRESS
    )
    if unknown and not snapshot.breaker.cause:
        yield Problem(
            "wrong_address",
            f"{counted(unknown, 'dead letter')} because Convertro does not know the address: "
            "probably CONVERTRO_SITE_ID, CONVERTRO_CLIENT_NAME or a path is wrong or was; correct "
            "it, restart the workers, then `convertro dead redrive --reason rejected`.",
        )
    reasons = _lately(snapshot, "dead")
    if reasons and not unknown:
        yield Problem(
            "dead_letters_new",
            f"{counted(sum(reasons.values()), 'event')} became dead letters in the last "
            f"{duration(_NEWS_SECONDS)} ({_listed(reasons)}): `convertro dead list` and "
            "`convertro dead show ID` say why.",
        )
    if poisoned := snapshot.dead_by_reason.get(DeathReason.POISON, 0):
        yield Problem(
            "poison",
            f"{counted(poisoned, 'event')} dead because three workers in a row ended while they "
            "had it. If they were killed for another reason (memory, a restarted host), say "
            "`convertro dead redrive --reason poison`; else look at one with "
            "`convertro dead show ID`.",
        )
    yield from _bound_problems(status)


def _bound_problems(status: Status) -> Iterator[Problem]:
    snapshot, settings = status.snapshot, status.settings
    removed_ms = snapshot.latest.revenue_removed_ms
    if removed_ms is not None and snapshot.now_ms - removed_ms < _LOSS_SECONDS * 1000:
        number = sum(snapshot.counters.get(f"discarded:{name}", 0) for name in REVENUE_REMOVED)
        yield Problem(
            "revenue_removed",
            f"{counted(number, 'dead letter')} that may bear revenue and could have been delivered "
            f"so far went for good, beyond a bound, the last {ago(removed_ms, snapshot.now_ms)}: "
            "redrive what is left, or raise CONVERTRO_DEAD_MAX_COUNT, CONVERTRO_DEAD_MAX_BYTES or "
            "CONVERTRO_DEAD_MAX_AGE_SECONDS.",
        )
    bounds = (
        (snapshot.dead, settings.dead_max_count, "dead letters", "COUNT"),
        (snapshot.dead_bytes, settings.dead_max_bytes, "bytes of dead letters", "BYTES"),
    )
    for number, bound, what, name in bounds:
        if number > _NEARLY_ALL * bound:
            yield Problem(
                "dead_letters_full",
                f"{number:,} of at most {bound:,} {what}: then those that are worth least go for "
                f"good; redrive or export them, or raise CONVERTRO_DEAD_MAX_{name}.",
            )


def _order_problems(snapshot: Snapshot) -> Iterator[Problem]:
    recent = snapshot.recent.counters(_SENDER_SECONDS)
    lately = f"of the last {duration(_SENDER_SECONDS)}"
    if orders := recent.get(f"skipped:{SkipReason.MISSING_ORDER_ID}", 0):
        likely = recent.get(f"noted:{Note.LIKELY_ORDER_ID}", 0)
        yield Problem(
            "orders_without_id",
            f"{counted(orders, 'website order')} {lately} had no order id and "
            f"{'was' if orders == 1 else 'were'} skipped: "
            "Convertro never hears of that money. Let the site send `order_id` in the properties "
            f"of Order Completed. {_likely(likely)}",
        )


def _sender_problems(snapshot: Snapshot) -> Iterator[Problem]:
    recent = snapshot.recent.counters(_SENDER_SECONDS)
    lately = f"of the last {duration(_SENDER_SECONDS)}"
    sent = recent.get(f"noted:{Note.UNREADABLE_AMOUNT}", 0)
    dead = recent.get(f"dead:{DeathReason.UNREADABLE_AMOUNT}", 0)
    if sent or dead:
        yield Problem(
            "amounts_unreadable",
            f"{counted(sent + dead, 'event')} {lately} had an amount that cannot be read "
            f"({sent:,} delivered without it or with `revenue` in its place, {dead:,} dead): let "
            "the sender make `total` and `revenue` numbers. `convertro translate --why FILE` shows "
            "what is read.",
        )


def _skip_problems(snapshot: Snapshot) -> Iterator[Problem]:
    recent = snapshot.recent.counters(_SENDER_SECONDS)
    reasons = _parts(recent, "skipped")
    skipped = sum(reasons.values())
    others = sum(total_of(recent, name) for name in ("delivered", "dead", "attempts"))
    if others or skipped < _MANY_SKIPPED:
        return
    yield Problem(
        "all_skipped",
        f"All {counted(skipped, 'event')} of the last {duration(_SENDER_SECONDS)} were skipped "
        f"({_listed(reasons)}): nothing was sent, and they do not come back. Unless none was "
        "meant for Convertro, correct CONVERTRO_EVENTS and restart the workers; `convertro "
        "translate --why FILE` tells what becomes of an event.",
    )


def _likely(number: int) -> str:
    *others, last = LIKELY_ORDER_ID_NAMES
    names = f"{', '.join(others)} or {last}"
    if not number:
        return f"None of them has one as {names} either."
    return f"{number:,} of them {'has' if number == 1 else 'have'} one as {names}: rename it."


def _queue_problems(snapshot: Snapshot) -> Iterator[Problem]:
    if kinds := _lately(snapshot, "foreign"):
        yield Problem(
            "foreign_messages",
            f"{counted(sum(kinds.values()), 'message')} of another kind came into the queue of "
            f"wake-ups in the last {duration(_NEWS_SECONDS)} ({_listed(kinds)}). They were dropped "
            "and are gone: something else sends to this queue; give each application its own "
            "CONVERTRO_QUEUE or broker database.",
        )


def _lately(snapshot: Snapshot, name: str) -> dict[str, int]:
    """The recent counts of a name, by the part after its colon."""
    return _parts(snapshot.recent.counters(_NEWS_SECONDS), name)


def _parts(counters: Mapping[str, int], name: str) -> dict[str, int]:
    """The counters of a name, by the part after its colon."""
    return {
        counter.partition(":")[2]: number
        for counter, number in counters.items()
        if counter.startswith(f"{name}:")
    }


def _listed(numbers: dict[str, int]) -> str:
    most = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {name}" for name, number in most)
