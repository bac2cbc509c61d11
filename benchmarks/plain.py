"""The plain way: one Celery task an event, acknowledged late, delivered with requests.

It translates with the same code and sends the same bodies with the same keys, so that only
the way of queueing and sending differs.
"""

import os

import requests
from celery import Celery

from config.settings import Settings
from worker.convertro import translate
from worker.convertro.wire import encode_body, idempotency_key, request_for

SETTINGS = Settings(client_name="acme", site_id="1234", domain="shop.example.com")


def make_app(broker_url: str) -> Celery:
    made = Celery("plain", broker=broker_url, set_as_current=False)
    made.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        task_default_queue="plain",
        worker_hijack_root_logger=False,
    )
    return made


def deliver(event: dict) -> None:
    for index, call in enumerate(translate(event, SETTINGS).calls):
        request = request_for(call, SETTINGS)
        requests.post(
            os.environ["PLAIN_BASE_URL"] + request.path,
            data=encode_body(request.body),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": idempotency_key(event["messageId"], index),
            },
            timeout=(3, 10),
        ).raise_for_status()


app = make_app(os.environ.get("PLAIN_BROKER_URL", "redis://127.0.0.1:6379/0"))
NAME = "plain.deliver"
app.task(name=NAME, autoretry_for=(requests.RequestException,), retry_backoff=True)(deliver)
