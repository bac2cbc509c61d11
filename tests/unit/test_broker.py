"""How the application treats a broker that is away."""

from time import monotonic

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from worker.process.broker import RECONNECT_SECONDS, PromptEvents, SteadyBroker

#: Nothing listens there.
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def app() -> Celery:
    return Celery(broker=AWAY, amqp=SteadyBroker, events=PromptEvents, set_as_current=False)


def test_the_waits_between_two_connections_are_short(app: Celery) -> None:
    waits: list[float] = []

    def note(_error: Exception, seconds: float) -> None:
        waits.append(seconds)

    with app.connection() as connection, pytest.raises(OperationalError):
        connection.ensure_connection(note, max_retries=2, interval_start=0.0, interval_step=0.0)
    with app.connection() as connection, pytest.raises(OperationalError):
        connection.ensure_connection(note, max_retries=2)
    assert waits == [0.0, 0.0, 1.0, 2.0][: len(waits)]
    assert max(waits) <= RECONNECT_SECONDS


def test_flower_is_told_nothing_for_a_while_after_a_failure(app: Celery) -> None:
    with app.connection() as connection:
        dispatcher = app.events.Dispatcher(connection)
        dispatcher.send("worker-heartbeat", retry=True)
        assert dispatcher._quiet_until > monotonic()
        until = dispatcher._quiet_until
        dispatcher.send("worker-heartbeat", retry=True)
        dispatcher.flush()
        assert dispatcher._quiet_until == until
        dispatcher.close()
