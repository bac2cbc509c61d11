"""Whether Redis lets us do all that a worker does: each command is tried, on keys of its own.

A user of an ACL that lacks a right makes a worker fail later and for ever, so each right is tried
before: the commands on every kind of key under the journal's prefix; and, through the application
that workers use, one message that is published and taken, and what Celery subscribes to.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha1
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.events.dispatcher import EventDispatcher
from kombu import Connection, Queue
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from worker.task_names import DELIVER

#: A command, the key that it is tried on, and the rest of its arguments.
Trial = tuple[str, str, tuple[object, ...]]

_NOTHING = "return 1"

#: What differs from try to try.
_CHANCE = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

#: A command and what follows its key.
_Commands = tuple[tuple[object, ...], ...]

#: Of the journal, on a key of each kind; each ends with its removal.
_OF_JOURNAL: tuple[_Commands, ...] = (
    (
        *(("HSET", "a", 1), ("HSETNX", "b", 1), ("HINCRBY", "a", 1), ("HGET", "a"), ("HMGET", "a")),
        *(("HGETALL",), ("HEXISTS", "a"), ("HLEN",), ("HSTRLEN", "a"), ("HSCAN", 0), ("HDEL", "a")),
        *(("PEXPIRE", 1000), ("UNLINK",)),
    ),
    (
        *(("ZADD", 1, "a"), ("ZSCORE", "a"), ("ZCARD",), ("ZCOUNT", 0, 1), ("ZRANGE", 0, 1)),
        *(("ZRANGEBYSCORE", 0, 1), ("ZREVRANGEBYSCORE", 1, 0), ("ZSCAN", 0), ("ZREM", "b")),
        *(("ZMSCORE", "a"), ("ZREMRANGEBYSCORE", 0, 0), ("UNLINK",)),
    ),
    (("SADD", "a"), ("SISMEMBER", "a"), ("SCARD",), ("SREM", "b"), ("UNLINK",)),
    (
        *(("LPUSH", "a", "b"), ("RPUSH", "c"), ("LLEN",), ("LRANGE", 0, -1), ("RPOP",)),
        *(("BLPOP", 0.01), ("UNLINK",)),
    ),
    (("SET", "a"), ("GET",), ("EXISTS",), ("DEL",)),
)

#: Of a queue.
_OF_QUEUES: _Commands = (
    *(("LPUSH", "a", "b"), ("LLEN",), ("PEXPIRE", 1000), ("RPOP",), ("BRPOP", 0.01), ("DEL",)),
)


def journal_trials(prefix: str) -> Iterator[Trial]:
    """Every command that the journal's steps consist of."""
    for commands in _OF_JOURNAL:
        key = f"{prefix}preflight-{uuid4().hex}"
        for command, *rest in commands:
            yield str(command), key, tuple(rest)
    key = f"{prefix}preflight-{uuid4().hex}"
    yield "TIME", "", ()
    yield "EVAL", "", (_NOTHING, 1, key)
    yield "EVALSHA", "", (sha1(_NOTHING.encode(), usedforsecurity=False).hexdigest(), 1, key)


def broker_trials(queue: str) -> Iterator[Trial]:
    """Every command that Celery's transport for Redis gives, on keys like those that it uses."""
    own = f"{queue}.preflight-{uuid4().hex}"
    chance = uuid4()
    queues = (f"{chance}.reply.celery.pidbox", f"{chance}.celery.pidbox", f"celeryev.{chance}")
    for key in (own, *queues):
        for command, *rest in _OF_QUEUES:
            yield str(command), key, tuple(rest)
    for exchange in (own, "celery.pidbox", "reply.celery.pidbox", "celeryev"):
        for command, *rest in (("SADD", own), ("SREM", own), ("SMEMBERS",)):
            for kind in ("binding", "binding_permanent"):
                yield command, f"_kombu.{kind}.{exchange}", tuple(rest)
    yield "LLEN", queue, ()


def missing_rights(redis: Redis, trials: Iterable[Trial]) -> list[str]:
    """What the user of a connection may not do, each as its command and key.

    Raises:
        RedisError: Redis could not be asked at all.
    """
    tried = list(trials)
    pipeline: Any = redis.pipeline(transaction=False)
    for command, key, rest in tried:
        pipeline.execute_command(command, *([key] if key else []), *rest)
    answers = pipeline.execute(raise_on_error=False)
    return [
        f"{command} {_CHANCE.sub('*', key)}".rstrip()
        for (command, key, _), answer in zip(tried, answers, strict=True)
        if isinstance(answer, NoPermissionError)
    ]


def missing_broker_rights(app: Celery) -> list[str]:
    """What a worker of an application may not do at its broker, if that is a Redis.

    Raises:
        Exception: The broker does not work at all; any broker, any error.
    """
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=3)
        if connection.transport.driver_type != "redis":
            return []
        client: Redis = connection.default_channel.client  # type: ignore[attr-defined]
        missing = missing_rights(client, broker_trials(app.conf.task_default_queue))
        missing += _missing_channels(client)
        if not missing:
            _exchange_a_message(app, connection)
            _send_an_event(app, connection)
    return missing


def _missing_channels(client: Redis) -> list[str]:
    """The channels to which Celery's remote control and gossip would subscribe in vain."""
    database = client.connection_pool.connection_kwargs.get("db") or 0
    missing = []
    for name in ("celery.pidbox", "celeryev/worker.*"):
        channel = f"/{database}.{name}"
        listener = client.pubsub()  # type: ignore[no-untyped-call]
        try:
            listener.psubscribe(channel)
            listener.parse_response(timeout=3)
        except NoPermissionError:
            missing.append(f"PSUBSCRIBE {channel}")
        finally:
            with suppress(RedisError):
                listener.close()
    return missing


def _exchange_a_message(app: Celery, connection: Connection) -> None:
    """Publish a wake-up to a queue of its own and take it, as producers and workers do."""
    name = f"{app.conf.task_default_queue}.preflight-{uuid4().hex}"
    queue: Any = Queue(name, routing_key=name)
    app.send_task(DELIVER, ignore_result=True, connection=connection, queue=queue)
    bound = queue(connection.default_channel)
    bound.get(no_ack=True)
    bound.delete()


def _send_an_event(app: Celery, connection: Connection) -> None:
    """Tell Flower something that it does not know, and so does not heed."""
    dispatcher = EventDispatcher(connection, app=app, buffer_while_offline=False)
    dispatcher.send("preflight", retry=False)
