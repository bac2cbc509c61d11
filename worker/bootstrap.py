"""The composition root: where the parts are put together, each once a process."""

import os
from dataclasses import dataclass, field
from functools import cache
from threading import Lock

from celery import Celery

from config.celeryconfig import celery_config
from config.settings import Settings, load_settings
from worker.broker import PromptEvents, SteadyBroker
from worker.burials import Announce, Announcer, tell_nobody
from worker.connection import PRODUCER_TIMEOUT_SECONDS, WORKER_TIMEOUT_SECONDS, connect
from worker.delivery import Delivery
from worker.delivery_run import DeliveryRun, EventThreads
from worker.errors import JournalUnavailable
from worker.foreign_messages import foreign_messages
from worker.intake import Intake
from worker.journal import Journal
from worker.outage import Outage
from worker.stopping import StopFlag
from worker.ticker import Ticker, WorkerName
from worker.transport import Transport
from worker.wakeups import Wakeups

#: A tick holds up the parent's event loop, so it gives up soon; the next one is a second away.
TICKER_TIMEOUT_SECONDS = 1.0

#: Made before the pool forks, so that a stopping parent is seen by its children.
stop_flag = StopFlag()

#: Taken when the worker starts, so that its children inherit it.
worker_name = WorkerName()

#: Outlives the tickers: a worker that lost its broker stops one and starts another.
ticker_outage = Outage("journal", alarms=True)


def make_app(settings: Settings, broker_timeout_seconds: float) -> Celery:
    """A Celery application that can publish wake-ups; it connects when first used."""
    app = Celery("convertro", amqp=SteadyBroker, events=PromptEvents, set_as_current=False)
    app.conf.update(celery_config(settings, broker_timeout_seconds))
    return app


@dataclass(frozen=True, slots=True)
class Producer:
    """What an application that enqueues needs, and an operator's command."""

    settings: Settings
    journal: Journal
    wakeups: Wakeups
    intake: Intake


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker process needs."""

    settings: Settings
    journal: Journal
    wakeups: Wakeups
    intake: Intake
    threads: EventThreads
    #: Is told of each dead letter.
    announce: Announce
    outage: Outage = field(default_factory=lambda: Outage("journal"))
    #: Held by the deliver task that uses the threads; a second one has nothing to do here.
    running: Lock = field(default_factory=Lock)

    def deliver(self, wakeup: str) -> dict[str, int]:
        """Run the deliver task once, and ring again if work may remain."""
        if not self.running.acquire(blocking=False):
            self._pass_on(wakeup)
            return {}
        try:
            return self._deliver(wakeup)
        finally:
            self.running.release()

    def _deliver(self, wakeup: str) -> dict[str, int]:
        run = DeliveryRun(
            journal=self.journal,
            threads=self.threads,
            settings=self.settings,
            wakeup=wakeup,
            stopping=stop_flag,
            outage=self.outage,
            announce=self.announce,
        )
        if run.run():
            self._pass_on(wakeup)
        return run.summary.as_dict()

    def _pass_on(self, wakeup: str) -> None:
        """Give the wake-up token back and ring for what is due; the ticker makes failures good."""
        tokens = self.wakeups.offer()
        try:
            rung = self.journal.release(wakeup, tokens)
        except JournalUnavailable as error:
            self.outage.note(error.reason)
        else:
            self.outage.end()
            self.wakeups.publish(tokens[:rung])


def make_producer(
    settings: Settings, timeout_seconds: float = PRODUCER_TIMEOUT_SECONDS
) -> Producer:
    """Put a producer together; nothing connects before the first event."""
    journal = Journal(connect(settings, timeout_seconds), settings)
    wakeups = Wakeups(make_app(settings, timeout_seconds))
    return Producer(settings, journal, wakeups, Intake(journal, wakeups))


def make_worker(settings: Settings, app: Celery) -> Worker:
    """Put a worker process together; its threads start."""
    redis = connect(settings, WORKER_TIMEOUT_SECONDS)
    journal = Journal(redis, settings, worker=worker_name.value)
    wakeups = Wakeups(app)
    delivery = Delivery(settings, Transport(settings), journal, stopping=stop_flag)
    threads = EventThreads(delivery.deliver, settings.concurrency)
    announce = Announcer(app) if settings.dead_letter_events else tell_nobody
    return Worker(settings, journal, wakeups, Intake(journal, wakeups), threads, announce)


def make_ticker(settings: Settings, app: Celery, capacity: int) -> Ticker:
    """Put the ticker of a worker's parent process together."""
    journal = Journal(connect(settings, TICKER_TIMEOUT_SECONDS), settings)
    return Ticker(
        journal, Wakeups(app), worker_name.value, capacity, ticker_outage, foreign_messages
    )


def producer() -> Producer:
    """This process's producer, made from the environment when first asked for.

    Raises:
        SettingsError: A setting is wrong.
    """
    return _producer_of(os.getpid())


def worker(settings: Settings, app: Celery) -> Worker:
    """This process's worker parts, made when first asked for."""
    return _worker_of(os.getpid(), settings, app)


# A forked child has another process id and so gets parts, connections and threads of its own.


@cache
def _producer_of(_process_id: int) -> Producer:
    return make_producer(load_settings())


@cache
def _worker_of(_process_id: int, settings: Settings, app: Celery) -> Worker:
    return make_worker(settings, app)
