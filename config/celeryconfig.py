"""Celery's settings. Its messages are hints, so nothing is acknowledged late or restored."""

import socket
from typing import Any

from kombu import Queue

from config.settings import Settings
from convertro.redis_url import names_a_redis
from convertro.sentinel import is_sentinel, sentinel_options

#: Processes that deliver side by side unless `celery worker -c` says otherwise.
_WORKER_PROCESSES = 2

_HEALTH_CHECK_SECONDS = 4

#: When the kernel asks whether the other side is there: kombu leaves that to its default, 2 h.
_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
}


def celery_config(settings: Settings, timeout_seconds: float) -> dict[str, Any]:
    """What `Celery.conf` is updated with.

    Args:
        settings: Where the broker is, and the queue of wake-ups.
        timeout_seconds: How long to wait for the broker: short where an application waits.
    """
    return {
        "broker_url": settings.celery_broker_url,
        "broker_use_ssl": dict(settings.celery_broker_tls or {}) or None,
        "broker_transport_options": _transport_options(settings, timeout_seconds),
        "broker_connection_timeout": timeout_seconds,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # the default gives up after 100
        # A Redis that is up and refuses writes (no replica, no disk) would end the worker.
        "broker_channel_error_retry": True,
        "broker_pool_acquire_timeout": timeout_seconds,  # the default waits for ever
        # A wake-up that cannot be published is rung again by the ticker: never wait for it.
        "task_publish_retry": False,
        "task_default_queue": settings.queue,
        "task_create_missing_queues": False,  # a typo would make a queue that nobody reads
        "task_queues": [Queue(settings.queue, routing_key=settings.queue)],
        "task_acks_late": False,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        # No message waits in a worker whose processes are all taken while another one is free.
        # Celery can do that with Redis alone.
        "worker_disable_prefetch": _is_redis(settings),
        "worker_concurrency": _WORKER_PROCESSES,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # What Flower listens to. It need not hear of a wake-up before a worker has it: that would
        # cost the producer as much as the wake-up itself.
        "worker_send_task_events": True,
    }


def _transport_options(settings: Settings, timeout_seconds: float) -> dict[str, Any]:
    if not _is_redis(settings):
        return {}
    options: dict[str, Any] = {
        # kombu's default is to wait for ever on a Redis that hangs.
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        # How often kombu asks whether a connection that is silent still works; by its default of
        # 25 s one that was swallowed on its way keeps a worker from wake-ups for 51 s.
        "health_check_interval": _HEALTH_CHECK_SECONDS,
        # No bookkeeping of unacknowledged messages: a lost wake-up is rung again.
        "ack_emulation": False,
        # One list for the queue instead of four.
        "priority_steps": [0],
    }
    if is_sentinel(settings.celery_broker_url):
        password = settings.sentinel_password
        options["master_name"] = settings.sentinel_master
        options["sentinel_kwargs"] = sentinel_options(
            password.get_secret_value() if password else None
        )
    return options


def _is_redis(settings: Settings) -> bool:
    url = settings.celery_broker_url
    return names_a_redis(url) or is_sentinel(url)
