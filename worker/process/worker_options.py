"""Refuses options of `celery worker` that cannot work here, and names what to use instead."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from celery.concurrency import get_implementation
from celery.worker.control import Panel

#: Pools with which a stopping worker hands its events back.
_POOLS = frozenset(
    {"celery.concurrency.prefork", "celery.concurrency.thread", "celery.concurrency.solo"}
)

#: What a worker writes beside its log.
_FILES = ("pidfile", "statedb")

_TIME_LIMITS = ("time_limit", "soft_time_limit")

#: Celery's settings that the command line may change: they only decide how many messages wait in a
#: worker. The queues are checked by the options `--queues` and `--exclude-queues`.
_FREE = frozenset(
    {"worker_disable_prefetch", "worker_prefetch_multiplier", "worker_concurrency", "task_queues"}
)


def is_given(name: str) -> bool:
    """Whether an option was given on the command line or by its environment variable."""
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source(name) if context else None
    return source in {
        click.core.ParameterSource.COMMANDLINE,
        click.core.ParameterSource.ENVIRONMENT,
    }


def forget_time_limits() -> None:
    """Remove Celery's remote command that sets time limits of a running worker."""
    Panel.data.pop("time_limit", None)


def refused_options(app: Any, options: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """List a sentence for each option with which a worker must not start.

    Args:
        app: The worker's Celery application.
        options: The options of the command.
        ours: Celery's settings as this program sets them.
    """
    return [*_refused(app, options), *_changed(app.conf, ours)]


def _refused(app: Any, options: Mapping[str, Any]) -> Iterator[str]:
    if any(app.either(f"task_{name}", options.get(name)) for name in _TIME_LIMITS):
        yield (
            "--time-limit and --soft-time-limit would cut off calls whose answer is on its way, "
            "which are then sent again: leave them out; CONVERTRO_READ_TIMEOUT_SECONDS bounds a "
            "call, and a deliver task ends by itself"
        )
    if options.get("autoscale"):
        yield (
            "--autoscale cannot work: no message waits for a process by which it could go; use "
            "--concurrency with the most processes that you want"
        )
    pool = get_implementation(app.either("worker_pool", options.get("pool"))).__module__
    if pool not in _POOLS:
        yield f"the pool {pool} cannot be used: use --pool prefork, threads or solo"
    if app.either("worker_pool_start_method", options.get("pool_start_method")) == "spawn":
        yield "--pool-start-method spawn cannot be used: leave it out, or use fork"
    tasks = app.either("worker_max_tasks_per_child", options.get("max_tasks_per_child"))
    if tasks is not None and tasks < 1:
        yield "--max-tasks-per-child must be 1 or more: leave it out for no limit"
    for name in _FILES:
        path = options.get(name)
        folder = Path(options.get("workdir") or "", path or "").parent
        if path and "%" not in str(folder) and not os.access(folder, os.W_OK | os.X_OK):
            yield f"--{name} {path} cannot be written: its folder has to be there and writable"
    queue = app.conf.task_default_queue
    others = {*(options.get("queues") or [])} - {queue}
    if others or queue in (options.get("exclude_queues") or []):
        yield (
            f"--queues and --exclude-queues cannot change that a worker takes from {queue} alone, "
            "this journal's queue: leave them out, and use CONVERTRO_QUEUE"
        )


def _changed(conf: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for name, value in ours.items():
        if name not in _FREE and conf.get(name) != value:
            yield f"Celery's setting {name} was changed on the command line: leave it out"
