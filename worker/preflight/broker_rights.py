"""Tries at the broker everything that a worker does there, with the workers' Celery application.

Each command of Celery's Redis transport is tried on keys made for this check. One message is
published and taken, and the channels that Celery subscribes to are subscribed to.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.events.dispatcher import EventDispatcher
from kombu import Connection, Queue
from kombu.transport.redis import Channel
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from worker.preflight.rights import Commands, Trial, missing_rights, script_trials
from worker.task_names import DELIVER

#: The command in Redis's refusal to a user without the right.
_COMMAND = re.compile(r"run the '([^']+)' command")

#: The commands on a queue's key.
_OF_QUEUES: Commands = (
    *(("LPUSH", "a", "b"), ("LLEN",), ("PEXPIRE", 1000), ("RPOP",), ("BRPOP", 0.01), ("DEL",)),
)


def broker_trials(queue: str) -> Iterator[Trial]:
    """List the commands of Celery's Redis transport, on keys like those that it uses."""
    own = f"{queue}.preflight-{uuid4().hex}"
    # Workers read these bindings meanwhile: it has the form of one, and no message goes by it.
    binding = Channel.sep.join((own, "", own))
    chance = uuid4()
    queues = (f"{chance}.reply.celery.pidbox", f"{chance}.celery.pidbox", f"celeryev.{chance}")
    for key in (own, *queues):
        for command, *rest in _OF_QUEUES:
            yield str(command), key, tuple(rest)
    for exchange in (own, "celery.pidbox", "reply.celery.pidbox", "celeryev"):
        for command, *rest in (("SADD", binding), ("SREM", binding), ("SMEMBERS",)):
            for kind in ("binding", "binding_permanent"):
                yield command, f"_kombu.{kind}.{exchange}", tuple(rest)
    yield "LLEN", queue, ()
    yield from script_trials()
    yield "MULTI", "", ()
    yield "EXEC", "", ()  # the last one: without it the connection stays in the transaction


def has_transport(app: Celery) -> bool:
    """Whether the broker's URL can be parsed, and the libraries of its transport are installed."""
    try:
        for url in app.conf.broker_url.split(";"):
            app.connection_for_write(url).create_transport()
    except Exception:  # noqa: BLE001  any broker, any error
        return False
    return True


def missing_broker_rights(app: Celery) -> list[str]:
    """List what a worker may not do at its broker; empty if the broker is no Redis.

    Raises:
        Exception: The broker does not work at all; any broker, any error.
    """
    try:
        return _missing_rights(app)
    except Exception as failed:
        if right := _forbidden(failed):
            return [right]
        raise


def _missing_rights(app: Celery) -> list[str]:
    with _connected(app) as connection:
        if (client := _redis_of(connection)) is None:
            return []
        _begin_a_script_with_flags(client)
        missing = missing_rights(client, broker_trials(app.conf.task_default_queue))
        missing += _missing_channels(client)
        if not missing:
            _wait_at_two_queues(client)
            _exchange_a_message(app, connection)
            _send_an_event(app, connection)
    return missing


def _forbidden(error: BaseException) -> str | None:
    """Name the right that the user lacks, if that is why Celery's transport failed."""
    while not isinstance(error, NoPermissionError):
        if error.__cause__ is None:
            return None
        error = error.__cause__
    command = _COMMAND.search(str(error))
    return command[1].upper() if command else "PUBLISH to a channel of Celery's"


def type_of_queue(app: Celery) -> str | None:
    """Ask a Redis that is the broker for the type of the queue's key; None if it is no Redis.

    Raises:
        Exception: The broker does not work, or does not answer this; any broker, any error.
    """
    with _connected(app) as connection:
        if (client := _redis_of(connection)) is None:
            return None
        answer: Any = client.type(app.conf.task_default_queue)
        return str(answer, "ascii")


@contextmanager
def _connected(app: Celery) -> Iterator[Connection]:
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=3)
        yield connection


def _redis_of(connection: Connection) -> Redis | None:
    is_redis = connection.transport.driver_type == "redis"
    return connection.default_channel.client if is_redis else None  # type: ignore[attr-defined]


def _begin_a_script_with_flags(client: Redis) -> None:
    """Run a script whose flags need Redis 7.0, as a worker does at a full broker."""
    with suppress(NoPermissionError):
        client.eval("#!lua flags=allow-oom\nreturn 1", 0)


def _missing_channels(client: Redis) -> list[str]:
    """List the channels of remote control and gossip that the user may not subscribe to."""
    database = client.connection_pool.connection_kwargs.get("db") or 0
    missing = []
    for name in ("celery.pidbox", "celeryev/worker.*"):
        channel = f"/{database}.{name}"
        listener = client.pubsub()  # type: ignore[no-untyped-call]
        try:
            listener.psubscribe(channel)
            listener.parse_response(timeout=3)
        except ResponseError:  # forbidden, or disabled in this Redis
            missing.append(f"PSUBSCRIBE {channel}")
        finally:
            with suppress(RedisError):
                listener.close()
    return missing


def _wait_at_two_queues(client: Redis) -> None:
    """Wait at two queues at once as a worker does; a Redis Cluster refuses that."""
    client.brpop([f"{uuid4()}.celery.pidbox", f"{uuid4()}.celery.pidbox"], timeout=0.01)


def _exchange_a_message(app: Celery, connection: Connection) -> None:
    """Publish a wake-up to a queue made for this check, and take it from there."""
    name = f"{app.conf.task_default_queue}.preflight-{uuid4().hex}"
    queue: Any = Queue(name, routing_key=name)
    app.send_task(DELIVER, ignore_result=True, connection=connection, queue=queue)
    bound = queue(connection.default_channel)
    bound.get(no_ack=True)
    bound.delete()


def _send_an_event(app: Celery, connection: Connection) -> None:
    """Send an event of a type that Flower does not know and so ignores."""
    dispatcher = EventDispatcher(connection, app=app, buffer_while_offline=False)
    dispatcher.send("preflight", retry=False)
