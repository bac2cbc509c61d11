"""Lets only wake-ups pass from the broker to Celery."""

import json
from typing import Any
from uuid import uuid4

from kombu import Consumer
from kombu.message import Message
from redis import Redis

from worker.process.foreign_messages import (
    ForeignMessageError,
    foreign_messages,
    read_entry,
    read_message,
)
from worker.task_names import DELIVER

_BODY = "[[], {}, {}]"
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}


class WakeupConsumer(Consumer):
    """Passes wake-ups to Celery, each in a new message, and drops all other messages.

    Celery 5.7 and kombu 5.7 fail over most foreign messages and put them back into the queue. Most
    errors end the worker, and then the next worker. kombu's Redis transport takes a KeyError (of a
    message without an `id`, for example) for an error of the connection: the worker goes on, but
    five times a second it connects again, puts the message back and takes it again, and has hardly
    time to deliver.
    """

    def revive(self, channel: Any) -> None:
        """Use a channel; with Redis, check entries before kombu reads them."""
        super().revive(channel)
        client = getattr(self.channel, "client", None)
        if isinstance(client, Redis):
            client.set_response_callback("BRPOP", _only_wakeups)

    def _receive_callback(self, message: Any) -> None:
        """Check a message, of any broker, before kombu unpacks it."""
        channel: Any = self.channel
        try:
            token = read_message(message)
        except ForeignMessageError as foreign:
            foreign_messages.note(foreign.kind)
            channel.basic_ack(message.delivery_tag)
            return
        hand_over: Any = self.on_message
        hand_over(
            Message(
                body=_BODY,
                headers=_headers(token),
                delivery_tag=message.delivery_tag,
                channel=channel,
                accept=self.accept,
                **JSON,
            )
        )


def _only_wakeups(answer: Any, **_options: Any) -> tuple[bytes, bytes] | None:
    """Replace the message in an answer to BRPOP; None, as of an empty list, for a foreign one."""
    if not answer:
        return None
    queue, entry = answer
    try:
        token = read_entry(entry)
    except ForeignMessageError as foreign:
        foreign_messages.note(foreign.kind)
        return None
    delivery = {"exchange": "", "routing_key": queue.decode()}
    whole = {
        "body": _BODY,
        "headers": _headers(token),
        "properties": {"delivery_info": delivery, "delivery_tag": str(uuid4())},
        **{name.replace("_", "-"): value for name, value in JSON.items()},
    }
    return queue, json.dumps(whole).encode()


def _headers(token: str) -> dict[str, Any]:
    """Make the headers of a wake-up in Celery's protocol 2; its task's id is the token."""
    return {
        "lang": "py",
        "task": DELIVER,
        "id": token,
        "root_id": token,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "()",
        "kwargsrepr": "{}",
        "ignore_result": True,
    }
