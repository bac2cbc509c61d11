"""How a worker and an operator's command reach the journal's Redis."""

from redis import Redis

from config.settings import Settings
from convertro.connection import connect

WORKER_TIMEOUT_SECONDS = 5.0


def connect_journal(settings: Settings, timeout_seconds: float) -> Redis:
    """A client of the settings' Redis; it connects when first used."""
    password = settings.sentinel_password
    return connect(
        settings.redis_url.get_secret_value(),
        timeout_seconds,
        sentinel_master=settings.sentinel_master,
        sentinel_password=password.get_secret_value() if password else None,
    )
