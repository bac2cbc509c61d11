"""Runs a drill from its start to its verdict."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import requests

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.cli.terminal.open_journal import OPERATOR_TIMEOUT_SECONDS
from worker.delivery.retry import JITTER
from worker.journal.journal import Journal
from worker.journal.producer import Producer, make_producer
from worker.journal.snapshot import Snapshot
from worker.lab.drill.count import Count, SentEvent, expected
from worker.lab.drill.deployment import POLL_SECONDS, Deployment, DrillError
from worker.lab.drill.drill_screen import View, clock, counts, state
from worker.lab.drill.environment import changed_settings
from worker.lab.drill.load import UNMAPPED, EventSource, Load
from worker.lab.drill.plan import Action, make_plan
from worker.lab.drill.report import Options, Report
from worker.lab.sandbox.record_file import read_calls

#: How often to look at the journal, in seconds.
_LOOK_SECONDS = 1.0

#: How long to wait at most after the load for events in flight, in seconds, even if the operator's
#: settings would retry for longer. Events still in flight then count as undelivered.
_LONGEST_PATIENCE_SECONDS = 3600.0

#: Extra time for workers to start and for other delays of a busy machine, in seconds.
_MARGIN_SECONDS = 60.0


@dataclass(slots=True)
class Drill:
    """One run of a drill.

    Args:
        options: The operator's options.
        deployment: The deployment to break.
        view: Shows the progress.
        stopped: Whether a signal to end was received.
    """

    options: Options
    deployment: Deployment
    view: View
    stopped: Callable[[], bool]
    _begun_at: float = 0.0
    _looked_at: float = 0.0
    _accepted: int = 0
    _snapshot: Snapshot | None = None

    def run(self) -> Report:
        """Start everything, break it by the plan, wait until nothing is in flight, and count.

        Raises:
            JournalUnavailable: Redis does not answer at the start or at the end.
            DrillError: A part of the drill itself failed.
        """
        self.deployment.start(self.stopped)
        self._introduce()
        producer = self.deployment.stack.producer()
        load = Load(producer.intake.enqueue, self._source())
        load.start()
        try:
            self._play(load, producer)
        finally:
            load.end()
        if load.failure:
            raise DrillError(f"enqueue() failed: {load.failure!r}") from load.failure
        drain_seconds = self._drain(load, producer)
        self._note(
            "interrupted: stopping the workers" if self.stopped() else "stopping the workers"
        )
        self.deployment.stop_workers(is_empty=drain_seconds is not None)
        self._note(f"counting what became of {len(load.acknowledged):,} events")
        return self._report(load, drain_seconds)

    def _introduce(self) -> None:
        self.view.note(
            f"drill {self.options.name}, seed {self.options.seed}: {self.deployment.introduction}"
        )
        for variable, value in self._changed.items():
            self.view.note(f"  {variable}={value}")

    def _note(self, line: str) -> None:
        self.view.note(f"{clock(self._elapsed)}  {line}")

    @property
    def _settings(self) -> Settings:
        return self.deployment.stack.settings

    @property
    def _changed(self) -> dict[str, str]:
        return changed_settings(self._settings, self.deployment.stack.environment)

    def _source(self) -> EventSource:
        mapped = self._settings.events
        return EventSource(
            name=self.options.name,
            seed=self.options.seed,
            started_at=time.time(),
            rate=self.options.rate,
            mapped=mapped[0].key if mapped else UNMAPPED,
        )

    def _play(self, load: Load, producer: Producer) -> None:
        """Carry out the plan while the load runs."""
        self._begun_at = time.monotonic()
        steps = deque(
            make_plan(
                self.options.duration_seconds,
                seed=self.options.seed,
                lease_seconds=self._settings.lease_seconds,
                kills_redis=self.options.embedded,
            )
        )
        while self._elapsed < self.options.duration_seconds and not self.stopped():
            if load.failure:
                return
            while steps and steps[0].at_seconds <= self._elapsed:
                step = steps.popleft()
                self._note(step.says)
                self.deployment.carry_out(step)
            self._turn(load, producer, draining=False)

    def _drain(self, load: Load, producer: Producer) -> float | None:
        """Wait until nothing is in flight; return the seconds that took, None if time ran out."""
        begun = time.monotonic()
        at_most_seconds = patience_seconds(self._settings, self.options.duration_seconds)
        self._note(
            f"load and faults are over; waiting until nothing is in flight, at most "
            f"{at_most_seconds:.0f} s"
        )
        while time.monotonic() - begun < at_most_seconds and not self.stopped():
            self._looked_at = 0.0
            self._turn(load, producer, draining=True)
            if self._snapshot is not None and self._snapshot.in_flight == 0:
                return time.monotonic() - begun
        return None

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun_at

    def _turn(self, load: Load, producer: Producer, *, draining: bool) -> None:
        """Restart workers that ended, show the progress, and wait a little."""
        for line in self.deployment.revive():
            self._note(line)
        self._look(producer.journal)
        numbers = {
            "sent": f"{len(load.acknowledged):,}",
            "calls accepted": f"{self._accepted:,}",
            **counts(self._snapshot),
            "workers": f"{self.deployment.alive}",
        }
        said = ", ".join(f"{name} {number}" for name, number in numbers.items())
        line = f"{clock(self._elapsed)}  {said}: {state(self._snapshot, draining=draining)}"
        self.view.show(self._elapsed, line)
        time.sleep(POLL_SECONDS)

    def _look(self, journal: Journal) -> None:
        if time.monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        with suppress(requests.RequestException):  # the sandbox plays an outage
            self._accepted = self.deployment.stack.sandbox.summary().accepted
        try:
            self._snapshot = journal.snapshot()
        except JournalUnavailable:
            self._snapshot = None

    def _report(self, load: Load, drain_seconds: float | None) -> Report:
        journal = make_producer(self._settings, OPERATOR_TIMEOUT_SECONDS).journal
        dead = {
            letter.event_id: letter.record.reason or "unknown" for letter in journal.dead_letters()
        }
        record = read_calls(self.deployment.record)
        count = Count(record, dead, lambda name: journal.look(name).place)
        settings, source = self._settings, load.source

        def sent(number: int, at: float) -> SentEvent:
            return expected(source.event(number), source.event_id(number), at, settings)

        for number, acknowledged_at in enumerate(load.acknowledged):
            count.add(sent(number, acknowledged_at))
        count.excuse(sent(len(load.acknowledged), 0.0))
        done = self.deployment.done
        return Report(
            verdict=count.verdict(),
            interrupted=self.stopped(),
            options=self.options,
            settings=self._changed,
            drain_seconds=drain_seconds,
            worker_kills=done[Action.KILL_WORKER],
            redis_kills=done[Action.KILL_REDIS],
            worker_exits=self.deployment.exits,
            retries=load.retries,
            unaccounted=journal.snapshot().unaccounted,
            problems=dict(journal.inspect()),
        )


def patience_seconds(settings: Settings, duration_seconds: float) -> float:
    """How long the last delivery may take once nothing is broken any more, in seconds.

    One lease may have to run out, then one wait for a retry. As waits double, an event that was
    postponed again and again waits once more for about as long as it has waited so far.
    """
    wait_seconds = min(
        (settings.retry_base_seconds + duration_seconds) * (1 + JITTER),
        settings.retry_max_seconds,
    )
    delivery_seconds = settings.lease_seconds + settings.longest_call_seconds + _MARGIN_SECONDS
    return min(_LONGEST_PATIENCE_SECONDS, wait_seconds + delivery_seconds)
