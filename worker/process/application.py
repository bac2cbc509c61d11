"""Makes the Celery application, which ignores Celery's environment variables.

In Celery, variables that name the broker and the result backend outrank the application's settings;
others name its loader and a module of settings. A variable for another application on the machine
must not redirect this worker.
"""

from typing import Any

from celery import Celery
from celery.app.utils import Settings as CelerySettings
from celery.loaders.app import AppLoader


class OwnLoader(AppLoader):
    """Celery's loader, but it reads no module of settings that `CELERY_CONFIG_MODULE` names."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:  # noqa: ARG002  Celery's name
        """Return no settings."""
        return {}


class _OwnSettings(CelerySettings):
    """Celery's settings, but none of them reads the environment."""

    @property
    def broker_url(self) -> Any:
        return self.get("broker_url")

    broker_read_url = broker_write_url = broker_url

    @property
    def result_backend(self) -> Any:
        return self.get("result_backend")


def make_celery(**options: Any) -> Celery:
    """Make a Celery application that the environment cannot configure."""
    app = Celery("convertro", loader=OwnLoader, fixups=[], set_as_current=False, **options)
    # Celery has no option for a class of settings, and later puts what it reads into this object,
    # so the object's class is changed. The object's own `__setattr__` would make that a setting.
    object.__setattr__(app.conf, "__class__", _OwnSettings)
    return app
