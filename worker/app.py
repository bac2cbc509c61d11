"""The Celery application: `celery -A worker.app worker`."""

import gc
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click
import structlog
from celery.bin.base import CeleryOption
from celery.signals import (
    celeryd_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_shutdown,
    worker_shutting_down,
)

from config.celeryconfig import celery_config
from config.settings import load_settings
from config.streams import replace_closed_streams
from convertro.errors import SettingsError
from worker import bootstrap
from worker.delivery.task import DeliverTask
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS
from worker.log_actions import LogAction
from worker.preflight.preflight import broker_refusal, preflight_of_worker
from worker.process.agreement import sentence_of
from worker.process.restarts import consumer_class
from worker.process.stopping import PoolProcess, handle_signals, ignore_hangups, stop_step
from worker.process.ticker import Ticker, ticker_step
from worker.process.worker_log import WorkerLog
from worker.process.worker_options import forget_time_limits, refused_options

log = structlog.stdlib.get_logger(__name__)

replace_closed_streams()  # a closed stream would make Celery's pool fail

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"convertro: {error}") from None

worker_log = WorkerLog(settings)
app = bootstrap.make_app(settings, WORKER_TIMEOUT_SECONDS)
app.set_current()
app.conf.include = ["tasks.celery_tasks"]
app.conf.worker_consumer = consumer_class(partial(broker_refusal, settings))


def deliver_task() -> DeliverTask:
    """Get this process's deliver task."""
    return bootstrap.deliver_task(settings, app)


def _make_ticker(capacity: int) -> Ticker:
    return bootstrap.make_ticker(settings, app, capacity)


app.steps["consumer"].add(ticker_step(_make_ticker, partial(sentence_of, settings=settings)))
app.steps["worker"].add(stop_step(bootstrap.stop_flag))


@celeryd_init.connect
def _set_worker_name(sender: str, **_signal: Any) -> None:
    bootstrap.worker_name.take(sender)


@celeryd_init.connect
def _open_log(instance: Any, options: Mapping[str, Any], **_signal: Any) -> None:
    """Configure the log at once; if it is JSON, keep Celery from printing its banner into it."""
    handle_signals()
    worker_log.take(instance.hostname, options)
    worker_log.open()
    if not worker_log.is_for_people:
        instance.quiet = True
        sys.__stdout__ = None  # type: ignore[misc]  # Celery prints there, past all loggers


@setup_logging.connect
def _configure_logs(logfile: str | None = None, **_signal: Any) -> None:
    worker_log.open(logfile)


def _check_before_detaching(context: click.Context, _option: click.Parameter, _value: Any) -> None:
    """Report errors before the worker detaches, because afterwards it has no terminal."""
    if context.params.get("detach"):
        worker_log.take(context.params["hostname"], context.params)
        worker_log.open()
        if not context.params.get("logfile"):
            click.echo("convertro: without --logfile what this worker logs is lost", err=True)
        _refuse(_wrong_options(context.params) or preflight_of_worker(settings, waits=False))


# Celery calls this callback after it has read all other options, and before it detaches.
app.user_options["worker"].add(
    CeleryOption(["--check"], hidden=True, expose_value=False, callback=_check_before_detaching)
)


@celeryd_init.connect
def _refuse_to_start(options: Mapping[str, Any], **_signal: Any) -> None:
    """Start only if the preflight finds no error and all live workers agree.

    This runs before Celery connects and raises its own errors about queues and the broker.
    """
    forget_time_limits()
    try:  # if a handler raises, Celery only logs the error and starts
        _refuse(_reasons_not_to_start(options))
    except Exception as error:
        log.error("The preflight failed.", action=LogAction.PREFLIGHT_FAILED, exc_info=error)  # noqa: TRY400
        raise SystemExit(f"convertro: the preflight failed: {type(error).__name__}") from None


def _reasons_not_to_start(options: Mapping[str, Any]) -> list[str]:
    errors = _wrong_options(options) or preflight_of_worker(settings)
    if not errors and (disagreement := bootstrap.join_journal(settings)):
        log.error(disagreement, action=LogAction.WORKER_DISAGREES)
        return [disagreement]
    return errors


def _wrong_options(options: Mapping[str, Any]) -> list[str]:
    errors = refused_options(app, options, celery_config(settings, WORKER_TIMEOUT_SECONDS))
    for sentence in errors:
        log.error(sentence, action=LogAction.PREFLIGHT_ERROR, check="options")
    return errors


@worker_init.connect
def _freeze_loaded_modules(**_signal: Any) -> None:
    """Exclude loaded modules from the garbage collection before each fork, which saves 45 ms."""
    gc.freeze()


def _refuse(errors: Sequence[str]) -> None:
    if errors:
        raise SystemExit("\n".join(f"convertro: {error}" for error in errors))


@worker_shutting_down.connect
def _stop_delivering(**_signal: Any) -> None:
    bootstrap.stop_flag.set()


@worker_shutdown.connect
def _say_stopped(**_signal: Any) -> None:
    log.info("The worker has stopped.", action=LogAction.WORKER_STOPPED)


@worker_process_init.connect
def _prepare_pool_process(**_signal: Any) -> None:
    if not bootstrap.stop_flag.is_parent:  # a pool without processes sends this signal as well
        ignore_hangups()
        PoolProcess(bootstrap.stop_flag).start()
