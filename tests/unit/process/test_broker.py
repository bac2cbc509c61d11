"""The application with an unavailable broker."""

from time import monotonic

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from worker.process import broker
from worker.process.broker import RECONNECT_SECONDS, PromptEvents, SteadyBroker

#: A URL at which no process listens.
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def app() -> Celery:
    app = Celery(broker=AWAY, amqp=SteadyBroker, events=PromptEvents, set_as_current=False)
    app.conf.broker_transport_options = {"max_retries": 1}
    return app


@pytest.mark.usefixtures("waits")
def test_the_waits_between_two_connections_are_short(app: Celery) -> None:
    told: list[float] = []

    def note(_error: Exception, seconds: float) -> None:
        told.append(seconds)

    with app.connection() as connection, pytest.raises(OperationalError):
        connection.ensure_connection(note, max_retries=2, interval_start=0.0, interval_step=0.0)
    assert told == [0.0, 0.0]
    told.clear()
    with app.connection() as connection, pytest.raises(OperationalError):
        connection.ensure_connection(note, max_retries=6)
    assert told == [1.0, 2.0, 3.0, RECONNECT_SECONDS, RECONNECT_SECONDS, RECONNECT_SECONDS]


@pytest.mark.usefixtures("waits")
def test_flower_is_told_nothing_for_a_while_after_a_failure(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "_QUIET_SECONDS", 600.0)
    with app.connection() as connection:
        dispatcher = app.events.Dispatcher(connection)
        dispatcher.send("worker-heartbeat", retry=True)
        assert dispatcher._quiet_until > monotonic()
        until = dispatcher._quiet_until
        dispatcher.send("worker-heartbeat", retry=True)
        dispatcher.flush()
        assert dispatcher._quiet_until == until
        dispatcher.close()
