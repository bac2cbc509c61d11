"""The composition root: makes the parts of a worker, each once in a process."""

import os
from functools import cache

from celery import Celery

import worker.journal.breaker_log  # noqa: F401  loaded while there are file descriptors for it
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
from worker.process.flower import Announcer, announce_nothing
from worker.process.foreign_messages import foreign_messages
from worker.process.open_files import allow_most_files
from worker.process.outage import Outage
from worker.process.stopping import StopFlag
from worker.process.ticker import Ticker, WorkerName
from worker.process.wakeups import Wakeups
from worker.transport.transport import Transport

#: Longest wait of a tick for Redis. It is short, because a tick blocks the parent's event loop, and
#: the next tick comes a second later.
_TICKER_TIMEOUT_SECONDS = 1.0

#: Made before the pool forks, so that parent and children share it.
stop_flag = StopFlag()

#: Set when the worker starts, so that its children inherit it.
worker_name = WorkerName()

#: Outlives tickers: a worker that loses its broker stops its ticker and later starts another.
_ticker_outage = Outage("journal", alarms=True)


def make_app(settings: Settings, broker_timeout_seconds: float) -> Celery:
    """Make a Celery application; it connects at its first use."""
    app = make_celery(amqp=SteadyBroker, events=PromptEvents)
    app.conf.update(celery_config(settings, broker_timeout_seconds))
    return app


def deliver_task(settings: Settings, app: Celery) -> DeliverTask:
    """Get this process's deliver task; the first call makes it and starts its loop and threads."""
    return _deliver_task_of(os.getpid(), settings, app)


@cache
def _deliver_task_of(_process_id: int, settings: Settings, app: Celery) -> DeliverTask:
    """Make the deliver task of a process; a forked child has another id, so it gets its own."""
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
        announce=Announcer(app) if settings.dead_letter_events else announce_nothing,
    )


def make_ticker(settings: Settings, app: Celery, capacity: int) -> Ticker:
    """Make the ticker of a worker's parent process."""
    journal = Journal(connect_journal(settings, _TICKER_TIMEOUT_SECONDS), settings)
    return Ticker(
        journal, Wakeups(app), worker_name.value, capacity, _ticker_outage, foreign_messages
    )


def join_journal(settings: Settings) -> str | None:
    """Check that this worker agrees with the live ones; return a sentence if it does not."""
    journal = Journal(connect_journal(settings, WORKER_TIMEOUT_SECONDS), settings)
    return join(journal, worker_name.value, settings)
