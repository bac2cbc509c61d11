"""Celery's settings. A lost wake-up is sent again, so none is acknowledged late or restored."""

import socket
from typing import Any

from kombu import Queue

from config.settings import Settings
from convertro.redis_url import names_a_redis
from convertro.sentinel import is_sentinel, sentinel_options

#: Processes of a worker's pool unless `celery worker -c` gives another number.
_WORKER_PROCESSES = 2

_HEALTH_CHECK_SECONDS = 4

#: When the kernel checks whether an idle connection still works, in seconds; kombu keeps the
#: kernel's default of 2 h.
_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
}


def celery_config(settings: Settings, timeout_seconds: float) -> dict[str, Any]:
    """Make the settings with which `Celery.conf` is updated.

    Args:
        settings: The settings, which name the broker and the queue of wake-ups.
        timeout_seconds: Longest wait for the broker; short where an operator waits.
    """
    return {
        "broker_url": settings.celery_broker_url,
        "broker_use_ssl": dict(settings.celery_broker_tls or {}) or None,
        "broker_transport_options": _transport_options(settings, timeout_seconds),
        "broker_connection_timeout": timeout_seconds,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # by default Celery gives up after 100
        # Otherwise a Redis that runs but refuses writes (no replica, no disk) would end the worker.
        "broker_channel_error_retry": True,
        "broker_pool_acquire_timeout": timeout_seconds,  # by default Celery waits without end
        # Do not wait for a wake-up that cannot be published: the ticker sends it again.
        "task_publish_retry": False,
        "task_default_queue": settings.queue,
        "task_create_missing_queues": False,  # a typo would make a queue that no worker reads
        "task_queues": [Queue(settings.queue, routing_key=settings.queue)],
        "task_acks_late": False,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        # No message waits in a worker whose processes are all busy while another worker is free.
        # Celery can do that only with Redis.
        "worker_disable_prefetch": _is_redis(settings),
        "worker_concurrency": _WORKER_PROCESSES,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # The events for Flower. Producers send none for a wake-up, because that would cost them as
        # much as the wake-up itself.
        "worker_send_task_events": True,
    }


def _transport_options(settings: Settings, timeout_seconds: float) -> dict[str, Any]:
    if not _is_redis(settings):
        return {}
    options: dict[str, Any] = {
        # By default kombu waits without end for a Redis that hangs.
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        # How often kombu checks an idle connection. With its default of 25 s, a connection that a
        # firewall dropped without notice would keep a worker from wake-ups for 51 s.
        "health_check_interval": _HEALTH_CHECK_SECONDS,
        # Unacknowledged messages are not recorded, because a lost wake-up is sent again.
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
