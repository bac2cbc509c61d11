"""The Celery application: its settings are ours, whatever the environment says.

Celery reads where its broker and results are from variables before it looks at what the
application was given, and lets others name its loader and a module of settings. A variable
that was meant for another application on the machine must not move our workers.
"""

from typing import Any

from celery import Celery
from celery.app.utils import Settings as CelerySettings
from celery.loaders.app import AppLoader


class OwnLoader(AppLoader):
    """Reads no module of settings that `CELERY_CONFIG_MODULE` names."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:  # noqa: ARG002  Celery's name
        """There is none."""
        return {}


class _OwnSettings(CelerySettings):
    """Celery's settings without those that ask the environment first."""

    @property
    def broker_url(self) -> Any:
        return self.get("broker_url")

    broker_read_url = broker_write_url = broker_url

    @property
    def result_backend(self) -> Any:
        return self.get("result_backend")


def make_celery(**options: Any) -> Celery:
    """A Celery application that the environment cannot configure."""
    app = Celery("convertro", loader=OwnLoader, fixups=[], set_as_current=False, **options)
    # Celery offers no other place for a class of settings. What it reads later, it puts into this
    # object. Its own `__setattr__` would make a setting of it.
    object.__setattr__(app.conf, "__class__", _OwnSettings)
    return app
