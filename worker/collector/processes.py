"""Several processes that listen on one socket: starts, replaces and stops them."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Collection
from multiprocessing.context import ForkProcess

import structlog

from worker.collector.server import STOP_SECONDS
from worker.log_actions import LogAction

#: The wait before a process that ended is replaced, in seconds, so that restarts without end cost
#: little.
_PAUSE_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


def run_processes(
    number: int,
    run: Callable[[], None],
    stop_signals: Collection[signal.Signals],
    *,
    ended: Callable[[int], None],
) -> None:
    """Keep a number of processes running until a signal comes, then stop them.

    Args:
        number: How many processes.
        run: What each process does until a signal ends it.
        stop_signals: The signals that end all of them.
        ended: Called with the id of each process that ended by itself.

    Raises:
        SystemExit: A process cannot be started; the others have been stopped.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # an ignored SIGCHLD is inherited from the parent
    signal.pthread_sigmask(signal.SIG_BLOCK, {*stop_signals, signal.SIGCHLD})
    context = multiprocessing.get_context("fork")

    running: list[ForkProcess] = []

    def start() -> ForkProcess:
        process = context.Process(target=_unblocked, args=(run, stop_signals))
        process.start()
        return process

    try:
        for _ in range(number):
            running.append(start())  # noqa: PERF401  if one fails, those in the list are stopped
        _replace_until_stopped(running, start, stop_signals, ended)
    except OSError as error:
        raise SystemExit(
            f"convertro: a process of the collector cannot be started: {error.strerror}"
        ) from None
    finally:
        _stop(running)


def _replace_until_stopped(
    running: list[ForkProcess],
    start: Callable[[], ForkProcess],
    stop_signals: Collection[signal.Signals],
    ended: Callable[[int], None],
) -> None:
    while signal.sigwait({*stop_signals, signal.SIGCHLD}) == signal.SIGCHLD:
        for index, process in enumerate(running):
            if process.is_alive() or process.pid is None:
                continue
            log.error(
                "A process of the collector ended; another one takes its place.",
                action=LogAction.COLLECTOR_PROCESS_ENDED,
                exit_code=process.exitcode,
            )
            ended(process.pid)
            time.sleep(_PAUSE_SECONDS)
            running[index] = start()


def _stop(running: Collection[ForkProcess]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        process.join(2 * STOP_SECONDS)
        process.kill()


def _unblocked(run: Callable[[], None], stop_signals: Collection[signal.Signals]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*stop_signals, signal.SIGCHLD})
    run()
