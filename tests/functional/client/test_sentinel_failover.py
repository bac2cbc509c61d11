"""Asking the Sentinels for the master, and the errors if they do not know it."""

from collections.abc import Iterator

import pytest

from config.settings import Settings
from convertro.errors import JournalUnavailable
from tests.support.events import mobile_track
from tests.support.failover import DATABASE, Failover, running
from worker.journal.producer import make_producer


@pytest.fixture(scope="module")
def failover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failover]:
    with running(tmp_path_factory.mktemp("sentinel"), replicas=0) as failover:
        yield failover


def settings_of(failover: Failover, **others: str) -> Settings:
    names = {
        name.removeprefix("CONVERTRO_").lower(): value
        for name, value in failover.environment.items()
    }
    return Settings.model_validate({**names, **others})


def reason_of(settings: Settings) -> str:
    with pytest.raises(JournalUnavailable) as caught:
        make_producer(settings).intake.enqueue(mobile_track())
    return caught.value.reason


def test_the_masters_database_is_the_one_of_the_url(failover: Failover) -> None:
    make_producer(settings_of(failover)).intake.enqueue(mobile_track())
    assert f"db{DATABASE}" in failover.servers[0].redis.info("keyspace")
    assert "db0" not in failover.servers[0].redis.info("keyspace")


def test_one_sentinel_that_answers_is_enough(failover: Failover) -> None:
    failover.sentinels[0].pause()
    failover.sentinels[1].kill()
    try:
        make_producer(settings_of(failover)).intake.enqueue(mobile_track())
    finally:
        failover.sentinels[0].resume()
        failover.sentinels[1].start()


def test_an_unknown_master_is_named(failover: Failover) -> None:
    reason = reason_of(settings_of(failover, sentinel_master="jurnal"))
    assert "'jurnal' is (unknown name, unknown name, unknown name)" in reason


def test_a_wrong_password_of_the_sentinels_is_told_but_not_shown(failover: Failover) -> None:
    reason = reason_of(settings_of(failover, sentinel_password="wrong one"))
    assert "AuthenticationError" in reason
    assert "wrong one" not in reason


def test_hung_sentinels_are_reported_as_timeouts(failover: Failover) -> None:
    for sentinel in failover.sentinels:
        sentinel.pause()
    try:
        assert "(TimeoutError, TimeoutError, TimeoutError)" in reason_of(settings_of(failover))
    finally:
        for sentinel in failover.sentinels:
            sentinel.resume()
