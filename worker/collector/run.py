"""Assembles and runs one process of the collector."""

import asyncio
import gc
import signal
import socket
from collections.abc import Collection

import uvloop

from config.settings import Settings
from convertro.async_intake import AsyncIntake
from convertro.connection import PRODUCER_TIMEOUT_SECONDS
from worker.collector.application import Application
from worker.collector.metrics import CollectorMetrics
from worker.collector.server import CollectorServer, serve
from worker.collector.write_keys import WriteKeys
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal
from worker.preflight.ask_redis import ask_redis
from worker.preflight.redis_checks import redis_checks
from worker.status.health import Verdict
from worker.status.readiness import judge

#: The number of new objects after which Python looks for garbage; they take some MB.
_GARBAGE_OBJECTS = 50_000


def run(
    settings: Settings,
    listening: socket.socket,
    stop_signals: Collection[signal.Signals],
    parent_id: int | None = None,
) -> None:
    """Answer requests until a signal comes.

    Args:
        settings: If they name no write keys, every request is taken.
        listening: The socket to answer on.
        stop_signals: The signals that end the process.
        parent_id: The parent process; this process ends when the parent is gone. None for none.
    """
    # Imported modules stay, and a request's JSON holds no reference cycles. Looking for garbage
    # among all objects, after every 700 new ones, took a fifth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, listening, stop_signals, parent_id))


async def _run(
    settings: Settings,
    listening: socket.socket,
    stop_signals: Collection[signal.Signals],
    parent_id: int | None,
) -> None:
    journal = Journal(connect_journal(settings, PRODUCER_TIMEOUT_SECONDS), settings)
    intake = AsyncIntake(journal)
    metrics = CollectorMetrics()
    application = Application(
        settings,
        keys=WriteKeys(settings.known_write_keys),
        intake=intake,
        metrics=metrics,
        judge=lambda: asyncio.to_thread(_ready, settings),
    )
    server = CollectorServer(application.handle, metrics, settings.collector_connections)
    await serve(server, listening, stop_signals=stop_signals, parent_id=parent_id)
    await intake.close()
    journal.disconnect()


def _ready(settings: Settings) -> Verdict:
    """Judge whether events can be accepted; the destination's settings are not needed for it."""
    answer = ask_redis(settings, PRODUCER_TIMEOUT_SECONDS)
    return judge(list(redis_checks(settings, answer)))
