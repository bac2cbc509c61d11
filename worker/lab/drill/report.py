"""A drill's options and its report: the verdict and the circumstances. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.lab.drill.count import DrillVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The operator's options."""

    #: The drill's name, used in its keys, queue, workers and events.
    name: str
    minutes: float
    #: In events a second.
    rate: float
    seed: int
    embedded: bool

    @property
    def duration_seconds(self) -> float:
        """How long the load runs."""
        return self.minutes * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is reported at the end."""

    verdict: DrillVerdict
    #: Whether a signal ended the drill early.
    interrupted: bool
    options: Options
    #: The variables that differ from the defaults.
    settings: Mapping[str, str]
    #: From the end of the load until nothing was in flight; None if something still is.
    drain_seconds: float | None
    worker_kills: int
    redis_kills: int
    #: How often a worker ended by itself.
    worker_exits: int
    #: How often `enqueue` was refused and called again.
    retries: int
    #: The journal's own audit.
    unaccounted: int
    problems: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether the verdict and the audit are good."""
        return self.verdict.is_good and not self.unaccounted and not self.problems
