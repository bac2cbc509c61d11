"""Celery's options of a worker: which ones cannot work here, and what to use instead."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from celery.concurrency import get_implementation
from celery.worker.control import Panel

#: Pools in which a stopping worker hands back what it holds.
_POOLS = frozenset(
    {"celery.concurrency.prefork", "celery.concurrency.thread", "celery.concurrency.solo"}
)

#: What may be changed on the command line: it decides no more than how many messages wait. Of the
#: queues it is looked at those that are taken from.
_FREE = frozenset(
    {"worker_disable_prefetch", "worker_prefetch_multiplier", "worker_concurrency", "task_queues"}
)


def is_given(name: str) -> bool:
    """Whether an option was given to the command that runs, or by its environment variable."""
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source(name) if context else None
    return source in {
        click.core.ParameterSource.COMMANDLINE,
        click.core.ParameterSource.ENVIRONMENT,
    }


def forget_time_limits() -> None:
    """Take away the remote command that sets time limits while a worker runs."""
    Panel.data.pop("time_limit", None)


def refused_options(worker: Any, ours: Mapping[str, Any]) -> list[str]:
    """A sentence for each option of a worker with which it must not start.

    Args:
        worker: Celery's worker that starts.
        ours: What its application was told of Celery's settings.
    """
    return [*_refused(worker), *_changed(worker.app.conf, ours)]


def _refused(worker: Any) -> Iterator[str]:
    if worker.time_limit or worker.soft_time_limit:
        yield (
            "--time-limit and --soft-time-limit would cut off calls whose answer is on its way, "
            "which are then sent again: leave them out; CONVERTRO_READ_TIMEOUT_SECONDS bounds a "
            "call, and a deliver task ends by itself"
        )
    if worker.options.get("autoscale"):
        yield (
            "--autoscale cannot work: no message waits for a process by which it could go; use "
            "--concurrency with the most processes that you want"
        )
    pool = get_implementation(worker.pool_cls).__module__
    if pool not in _POOLS:
        yield f"the pool {pool} cannot be used: use --pool prefork, threads or solo"
    if worker.pool_start_method == "spawn":
        yield "--pool-start-method spawn cannot be used: leave it out, or use fork"
    queue = worker.app.conf.task_default_queue
    if queue not in worker.app.amqp.queues.consume_from:
        yield (
            f"--queues and --exclude-queues leave out {queue}, this journal's queue: leave them "
            "out, and use CONVERTRO_QUEUE"
        )


def _changed(conf: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for name, value in ours.items():
        if name not in _FREE and conf.get(name) != value:
            yield f"Celery's setting {name} was changed on the command line: leave it out"
