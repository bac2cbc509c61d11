"""What a drill was asked for and what it came to: the verdict, and the circumstances. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.lab.drill.count import DrillVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator asked for."""

    #: Names keys, queue, workers and events.
    name: str
    minutes: float
    #: Events a second.
    rate: float
    seed: int
    embedded: bool

    @property
    def duration_seconds(self) -> float:
        """How long load is made."""
        return self.minutes * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is said at the end."""

    verdict: DrillVerdict
    #: A signal ended it before its time.
    interrupted: bool
    options: Options
    #: Variables that differed from the defaults.
    settings: Mapping[str, str]
    #: From the end of load until nothing was in flight; None if something still is.
    drain_seconds: float | None
    worker_kills: int
    redis_kills: int
    #: How often a worker ended that nobody had killed.
    worker_exits: int
    #: How often `enqueue` had to be repeated.
    retries: int
    #: The journal's own audit.
    unaccounted: int
    problems: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong that must not."""
        return self.verdict.is_good and not self.unaccounted and not self.problems
