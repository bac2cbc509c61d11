"""The environment configures nothing of the Celery application."""

import pytest

from config.settings import Settings
from worker.bootstrap import make_app

ELSEWHERE = "redis://elsewhere:1/9"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_BROKER_URL", ELSEWHERE),
        ("CELERY_BROKER_READ_URL", ELSEWHERE),
        ("CELERY_BROKER_WRITE_URL", ELSEWHERE),
        ("CELERY_RESULT_BACKEND", "django-db"),
        ("CELERY_LOADER", "no.such:Loader"),
        ("CELERY_CONFIG_MODULE", "no_such_module"),
        ("DJANGO_SETTINGS_MODULE", "no_such_module"),
    ],
)
def test_no_variable_wins_over_our_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    app = make_app(Settings(redis_url="redis://here:7000/1"), 1.0)
    connections = (app.connection_for_read(), app.connection_for_write(), app.connection())
    assert {(one.hostname, one.port, one.virtual_host) for one in connections} == {
        ("here", 7000, "1")
    }
    assert app.conf.broker_url == app.conf.broker_read_url == app.conf.broker_write_url
    assert app.backend.as_uri() == "disabled://"
    assert app.conf.task_default_queue == "convertro"
