"""Stops a worker so that events in flight are finished or handed back, in all ways of stopping.

A worker stops by a signal to its parent process, by a signal to all of its processes, by Celery's
remote control, or by an error of its own. Each of them sets the stop flag.
"""

import mmap
import os
import signal
from threading import Thread
from types import FrameType
from typing import Any

import structlog
from celery import bootsteps
from celery.signals import task_postrun, task_prerun

from worker.log_actions import LogAction

#: How long a pool process that got a signal to end goes on after its task, so that the parent gets
#: the task's result.
_FAREWELL_SECONDS = 0.5

#: The signals that end a process of the pool.
_END_SIGNALS = (signal.SIGTERM, signal.SIGQUIT)


log = structlog.stdlib.get_logger(__name__)


class StopFlag:
    """A flag shared with every process that is forked after it was made.

    It is one byte of anonymous shared memory, without a lock that a killed process could keep.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)
        self._parent_id = os.getpid()
        self._leaving = False

    def set(self) -> None:
        """Stop all processes of the worker."""
        self._byte[0] = 1

    def leave(self) -> None:
        """Stop only this process."""
        self._leaving = True

    def __call__(self) -> bool:
        """Whether this process must stop: alone, with its worker, or because its parent is gone."""
        return self._leaving or self._byte[0] == 1 or self.is_orphan

    @property
    def is_parent(self) -> bool:
        """Whether this is the process that made the flag."""
        return os.getpid() == self._parent_id

    @property
    def is_orphan(self) -> bool:
        """Whether the process that made the flag is gone."""
        return not self.is_parent and os.getppid() != self._parent_id


class PoolProcess:
    """A process of the pool, whose task hands its events back before the process ends.

    The signal to end may come from the parent, or to both at once: a terminal and systemd send
    their signals to all processes of a worker.
    """

    def __init__(self, stop_flag: StopFlag) -> None:
        self._stop_flag = stop_flag
        self._told = False
        #: Celery's handlers of the signals, which end the process at once.
        self._at_once: dict[signal.Signals, Any] = {}

    def start(self) -> None:
        """Handle the signals during tasks, from the next task on.

        Celery has asked the kernel to kill this process when its parent ends. If the parent ended
        before that, this method notices it. A closed pipe would not show it, because each process
        of a pool also holds the pipe ends of the others.

        Raises:
            SystemExit: The parent is gone.
        """
        if self._stop_flag.is_orphan:
            raise SystemExit(1)
        task_prerun.connect(self._on_task_begins, weak=False)
        task_postrun.connect(self._on_task_ends, weak=False)

    def _on_task_begins(self, **_signal: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in _END_SIGNALS:
            self._at_once[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._told = True
        self._stop_flag.leave()

    def _on_task_ends(self, **_signal: Any) -> None:
        for number, handler in self._at_once.items():
            signal.signal(number, handler)
        if self._told:
            signal.signal(signal.SIGALRM, self._at_once[signal.SIGTERM])
            signal.setitimer(signal.ITIMER_REAL, _FAREWELL_SECONDS)


def handle_signals() -> None:
    """Handle signals from before the preflight on, whatever program started the worker.

    Celery handles SIGTERM only after the preflight, which may wait a minute for Redis. Without a
    handler the kernel drops SIGTERM for process 1 of a container: the worker would start all the
    same, and run until it is killed. A worker inherits an ignored SIGCHLD, and then its pool would
    not notice that one of its processes has ended.
    """
    ignore_hangups()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def ignore_hangups() -> None:
    """Make this process ignore SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _on_hangup(_number: int, _frame: FrameType | None) -> None:
    """Stop if the terminal was closed, else only log.

    Celery would restart the worker in place, which fails if `celery multi` started it.
    """
    if os.isatty(1):
        os.kill(os.getpid(), signal.SIGTERM)
    # Logged by another thread, because the handler may have interrupted code with the log's lock.
    Thread(target=_say_hung_up, args=(os.isatty(1),), daemon=True).start()


def _say_hung_up(is_closed: bool) -> None:
    if is_closed:
        log.info("The terminal was closed: the worker stops.", action=LogAction.TERMINAL_CLOSED)
    else:
        log.info(
            "SIGHUP does nothing: settings are read at the start, and a log file that was moved "
            "is opened anew anyway.",
            action=LogAction.HANGUP_IGNORED,
        )


def stop_step(stop_flag: StopFlag) -> type[bootsteps.StartStopStep]:
    """Make the step of a worker that sets the stop flag before Celery waits for the pool."""

    class StopStep(bootsteps.StartStopStep):
        """Sets the flag on remote control, errors of the worker, and SIGQUIT; handles SIGHUP."""

        requires = ("celery.worker.components:Pool",)

        def start(self, _worker: Any) -> None:
            """Set the flag on SIGQUIT as well: Celery's handler waits for the pool first."""
            cold = signal.getsignal(signal.SIGQUIT)

            def stop_at_once(number: int, frame: FrameType | None) -> None:
                stop_flag.set()
                if callable(cold):
                    cold(number, frame)

            signal.signal(signal.SIGQUIT, stop_at_once)
            signal.signal(signal.SIGHUP, _on_hangup)

        def close(self, _worker: Any) -> None:
            """Set the flag when the worker stops, warm or cold."""
            log.info(
                "The worker stops: what is in flight ends or is handed back.",
                action=LogAction.WORKER_STOPPING,
            )
            stop_flag.set()

    return StopStep
