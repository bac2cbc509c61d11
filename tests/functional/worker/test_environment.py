"""A worker in an environment that was made for something else."""

import pytest

from tests.support.cli_process import ASCII_LOCALE
from tests.support.events import web_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

#: Variables of another application on the machine: a broker where no process listens, and modules
#: that do not exist.
FOREIGN = {
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_READ_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_WRITE_URL": "redis://127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": "django-db",
    # These are read as options of the command `celery`, which sets the variables above from them.
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "RESULT_BACKEND": "django-db",
    "CELERY_LOADER": "no.such:Loader",
    "CELERY_CONFIG_MODULE": "no_such_module",
    "DJANGO_SETTINGS_MODULE": "no_such_module",
}


@pytest.mark.environment(EVENTS='{"登録完了": "signup"}\n')
def test_variables_of_another_application_and_an_ascii_locale_change_nothing(
    stack: Stack,
) -> None:
    stack.start_worker(CONVERTRO_DOMAIN=" shop.example.com\n", **FOREIGN, **ASCII_LOCALE)
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    producer.intake.enqueue(web_track(messageId="one", event="登録完了"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    (call,) = stack.sandbox.calls()
    assert (call.key, call.body["domain"]) == ("one/signup", "shop.example.com")
    told = [line for line in stack.worker_lines() if line.get("check") == "variables"]
    assert {line["event"].partition(" ")[0] for line in told} == FOREIGN.keys() - {
        "DJANGO_SETTINGS_MODULE"
    }
    assert not [line for line in stack.worker_lines() if "wakeup_not" in line.get("action", "")]
