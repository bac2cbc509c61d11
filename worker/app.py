"""The Celery application: `celery -A worker.app worker`."""

import sys
from functools import partial
from typing import Any

import structlog
from celery.signals import (
    celeryd_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_shutdown,
    worker_shutting_down,
)

from config.logs import configure_logs, is_for_people
from config.settings import load_settings
from convertro.errors import SettingsError
from worker import bootstrap
from worker.delivery.task import DeliverTask
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS
from worker.preflight import preflight_of_worker
from worker.process.agreement import sentence_of
from worker.process.stopping import PoolProcess, stop_step
from worker.process.ticker import Ticker, ticker_step

log = structlog.stdlib.get_logger(__name__)

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"convertro: {error}") from None

app = bootstrap.make_app(settings, WORKER_TIMEOUT_SECONDS)
app.set_current()
app.conf.include = ["tasks.celery_tasks"]


def deliver_task() -> DeliverTask:
    """This process's deliver task."""
    return bootstrap.deliver_task(settings, app)


def _make_ticker(capacity: int) -> Ticker:
    return bootstrap.make_ticker(settings, app, capacity)


app.steps["consumer"].add(ticker_step(_make_ticker, partial(sentence_of, settings=settings)))
app.steps["worker"].add(stop_step(bootstrap.stop_flag))


@celeryd_init.connect
def _take_a_name(sender: str, **_signal: Any) -> None:
    bootstrap.worker_name.take(sender)


@celeryd_init.connect
def _speak_in_one_form(instance: Any = None, **_signal: Any) -> None:
    """Log from the first moment; where machines read, let Celery print no banner or farewell."""
    configure_logs(settings)
    if not is_for_people(settings):
        instance.quiet = True
        sys.__stdout__ = None  # type: ignore[misc]  # Celery prints there, past all loggers


@setup_logging.connect
def _configure_logs(**_signal: Any) -> None:
    configure_logs(settings)


@worker_init.connect
def _refuse_to_start(**_signal: Any) -> None:
    """Start only if the preflight finds no error, and no worker that is alive disagrees."""
    errors = preflight_of_worker(settings)
    if not errors and (disagreement := bootstrap.join_journal(settings)):
        errors = [disagreement]
    if errors:
        raise SystemExit("\n".join(f"convertro: {error}" for error in errors))


@worker_shutting_down.connect
def _stop_delivering(**_signal: Any) -> None:
    bootstrap.stop_flag.set()


@worker_shutdown.connect
def _say_stopped(**_signal: Any) -> None:
    log.info("The worker has stopped.", action="worker_stopped")


@worker_process_init.connect
def _end_gently(**_signal: Any) -> None:
    if not bootstrap.stop_flag.is_parent:  # a pool without processes of its own says so too
        PoolProcess(bootstrap.stop_flag).start()
