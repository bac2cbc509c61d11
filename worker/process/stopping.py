"""How a worker stops: what is in flight ends or is handed back, whoever asks for it.

A worker is asked to stop by a signal to its parent process, by a signal to all of its
processes, by remote control, or by an error of its own. Each of them sets the stop flag.
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

#: How long a process that was told to end stays after its task, so that the parent hears
#: what came of the task.
_FAREWELL_SECONDS = 0.5

#: What ends a process of the pool unless somebody handles it.
_END_SIGNALS = (signal.SIGTERM, signal.SIGQUIT)


log = structlog.stdlib.get_logger(__name__)


class StopFlag:
    """A flag that is shared with every process forked after it was made.

    One byte of anonymous shared memory: no lock that a killed process could keep.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)
        self._parent_id = os.getpid()
        self._leaving = False

    def set(self) -> None:
        """The worker stops from now on."""
        self._byte[0] = 1

    def leave(self) -> None:
        """This process stops; the others go on."""
        self._leaving = True

    def __call__(self) -> bool:
        """Whether this process stops: alone, with its worker, or because its parent is gone."""
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
    """A process of the pool, whose task hands back what it holds before the process ends.

    It may be told to end by the parent, or together with it: a terminal and systemd send
    their signals to every process of a worker at once.
    """

    def __init__(self, stop_flag: StopFlag) -> None:
        self._stop_flag = stop_flag
        self._told = False
        #: What Celery does on each signal, which is to end at once.
        self._at_once: dict[signal.Signals, Any] = {}

    def start(self) -> None:
        """Be gentle from the next task on.

        Celery has asked the kernel to kill this process with its parent. A parent that was gone
        before that is noticed here: no other end of a pipe would tell, since the processes of a
        pool hold those of each other.

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


def heed_signals() -> None:
    """Heed signals before the preflight, whoever started the worker.

    Celery handles SIGTERM only once the preflight is done, which may wait for Redis for a minute.
    Until somebody does, the kernel withholds it from process 1 of a container: the worker would
    start all the same, and run until it is killed. Who ignores SIGCHLD hands that down, and a pool
    would not notice that a process of its has ended.
    """
    ignore_hangups()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def ignore_hangups() -> None:
    """Let SIGHUP do nothing to this process."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _on_hangup(_number: int, _frame: FrameType | None) -> None:
    """Celery would start again in place, which fails for workers that `celery multi` started."""
    if os.isatty(1):
        os.kill(os.getpid(), signal.SIGTERM)
    # A thread of its own: the handler may have interrupted whoever holds the log's lock.
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
    """The step of a worker that sets the stop flag before the pool is waited for."""

    class StopStep(bootsteps.StartStopStep):
        """Covers remote control, errors of the worker, SIGQUIT and SIGHUP."""

        requires = ("celery.worker.components:Pool",)

        def start(self, _worker: Any) -> None:
            """Let SIGQUIT hand back too: Celery waits for the pool before it tells anybody."""
            cold = signal.getsignal(signal.SIGQUIT)

            def stop_at_once(number: int, frame: FrameType | None) -> None:
                stop_flag.set()
                if callable(cold):
                    cold(number, frame)

            signal.signal(signal.SIGQUIT, stop_at_once)
            signal.signal(signal.SIGHUP, _on_hangup)

        def close(self, _worker: Any) -> None:
            """The worker stops, warm or cold."""
            log.info(
                "The worker stops: what is in flight ends or is handed back.",
                action=LogAction.WORKER_STOPPING,
            )
            stop_flag.set()

    return StopStep
