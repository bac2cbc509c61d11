"""Connects workers and operators' commands to the journal's Redis."""

from redis import Redis

from config.settings import Settings
from convertro.connection import connect

#: For a connection to Redis, and again for an answer.
WORKER_TIMEOUT_SECONDS = 5.0


def connect_journal(settings: Settings, timeout_seconds: float) -> Redis:
    """Make a client of the settings' Redis; it connects at its first use."""
    password = settings.sentinel_password
    return connect(
        settings.redis_url.get_secret_value(),
        timeout_seconds,
        sentinel_master=settings.sentinel_master,
        sentinel_password=password.get_secret_value() if password else None,
    )
