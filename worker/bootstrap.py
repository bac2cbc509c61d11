"""The composition root: puts the parts together, each once a process, and does nothing else."""

import os
from functools import cache

from celery import Celery

import worker.journal.breaker_log  # noqa: F401  else loaded when the process may have no file left
from config.celeryconfig import celery_config
from config.settings import Settings
from worker.delivery.event import Delivery
from worker.delivery.loop import DeliveryLoop
from worker.delivery.task import DeliverTask
from worker.delivery.threads import EventThreads
from worker.journal.journal import Journal
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS, connect_journal
from worker.process.agreement import join
from worker.process.application import make_celery
from worker.process.broker import PromptEvents, SteadyBroker
from worker.process.flower import Announcer, tell_nobody
from worker.process.foreign_messages import foreign_messages
from worker.process.open_files import allow_most_files
from worker.process.outage import Outage
from worker.process.stopping import StopFlag
from worker.process.ticker import Ticker, WorkerName
from worker.process.wakeups import Wakeups
from worker.transport.transport import Transport

#: A tick holds up the parent's event loop, so it gives up soon; the next one is a second away.
_TICKER_TIMEOUT_SECONDS = 1.0

#: Made before the pool forks, so that a stopping parent is seen by its children.
stop_flag = StopFlag()

#: Taken when the worker starts, so that its children inherit it.
worker_name = WorkerName()

#: Outlives the tickers: a worker that lost its broker stops one and starts another.
_ticker_outage = Outage("journal", alarms=True)


def make_app(settings: Settings, broker_timeout_seconds: float) -> Celery:
    """A Celery application that can publish wake-ups; it connects when first used."""
    app = make_celery(amqp=SteadyBroker, events=PromptEvents)
    app.conf.update(celery_config(settings, broker_timeout_seconds))
    return app


def deliver_task(settings: Settings, app: Celery) -> DeliverTask:
    """This process's deliver task, made when first asked for; then its loop and threads start."""
    return _deliver_task_of(os.getpid(), settings, app)


@cache
def _deliver_task_of(_process_id: int, settings: Settings, app: Celery) -> DeliverTask:
    """A forked child has another process id, and so parts, connections and threads of its own."""
    allow_most_files()
    redis = connect_journal(settings, WORKER_TIMEOUT_SECONDS)
    journal = Journal(redis, settings, worker=worker_name.value)
    transport = Transport(settings)
    delivery = Delivery(settings, transport, journal, stopping=stop_flag)
    return DeliverTask(
        settings,
        journal,
        Wakeups(app),
        DeliveryLoop(delivery, transport, EventThreads(settings.concurrency)),
        stopping=stop_flag,
        announce=Announcer(app) if settings.dead_letter_events else tell_nobody,
    )


def make_ticker(settings: Settings, app: Celery, capacity: int) -> Ticker:
    """Put the ticker of a worker's parent process together."""
    journal = Journal(connect_journal(settings, _TICKER_TIMEOUT_SECONDS), settings)
    return Ticker(
        journal, Wakeups(app), worker_name.value, capacity, _ticker_outage, foreign_messages
    )


def join_journal(settings: Settings) -> str | None:
    """Agree with the workers that are alive; answers a sentence if that cannot be."""
    journal = Journal(connect_journal(settings, WORKER_TIMEOUT_SECONDS), settings)
    return join(journal, worker_name.value, settings)
