"""The schedule of faults: what is broken when. The same seed makes the same plan.

A cycle breaks everything once: the early windows in random order, then the late ones. A worker is
killed while many calls are retried, and another time while calls are accepted but their answers
lost, because there a careless design would send a sale twice under different keys. Redis is killed
while many calls are in flight. Long drills repeat the cycle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

#: The length of a cycle in a drill of two minutes, in seconds; other cycles are scaled.
_CYCLE_SECONDS = 72.0

#: The time between two windows, in seconds, in which the sandbox listens again and takes a rule.
_GAP_SECONDS = 1.5

#: The largest share of a drill, at its end, in which nothing is broken.
_QUIET_SHARE = 0.4

#: How long a killed process stays down, in seconds.
_WORKER_DOWN_SECONDS = 3.0
_REDIS_DOWN_SECONDS = 2.0


class Action(StrEnum):
    """What a step does."""

    FAULT = "fault"
    KILL_WORKER = "kill worker"
    START_WORKER = "start worker"
    KILL_REDIS = "kill redis"
    START_REDIS = "start redis"


@dataclass(frozen=True, slots=True)
class Step:
    """One action on the deployment."""

    #: When to do it, in seconds after the load began.
    at_seconds: float
    action: Action
    #: What it does, in words.
    says: str
    #: For a fault, the sandbox's rule, which includes how long it lasts.
    rule: str = ""


@dataclass(frozen=True, slots=True)
class _Window:
    """A fault of the sandbox that lasts for a while."""

    rule: str
    says: str
    #: How long it lasts in a cycle of `_CYCLE_SECONDS`.
    seconds: float
    #: A kill within the window, if there is one.
    kills: Action | None = None


EARLY = (
    _Window("status=500,ratio=0.4", "4 calls in 10 are answered with 500", 8, Action.KILL_WORKER),
    _Window("status=429,retry_after=2,ratio=0.3", "3 in 10 get 429 and a Retry-After of 2 s", 6),
    _Window(
        "reset,ratio=0.3", "3 in 10 are accepted, the answer is cut off", 9, Action.KILL_WORKER
    ),
    _Window("slow=0.5,ratio=0.5", "half of the answers take 0.5 s longer", 9, Action.KILL_REDIS),
)
LATE = (
    _Window("refuse", "an outage: all connections are refused", 15),
    _Window("hang,ratio=0.1", "1 in 10 is accepted and never answered", 7),
    _Window("error-body,ratio=0.02", "1 in 50 gets 200 with an error in its body", 6),
)

_SAYS = {
    Action.KILL_WORKER: "SIGKILL to a worker and all its processes",
    Action.START_WORKER: "the killed worker is started again",
    Action.KILL_REDIS: "SIGKILL to Redis",
    Action.START_REDIS: "Redis is started again, same port, same data",
}

_DOWN = {
    Action.KILL_WORKER: (_WORKER_DOWN_SECONDS, Action.START_WORKER),
    Action.KILL_REDIS: (_REDIS_DOWN_SECONDS, Action.START_REDIS),
}


def make_plan(
    duration_seconds: float, *, seed: int, lease_seconds: float, kills_redis: bool
) -> tuple[Step, ...]:
    """Make the steps of a drill, in the order of their times.

    Args:
        duration_seconds: How long the load runs.
        seed: Decides the order of the windows and the moments of the kills.
        lease_seconds: How long nothing is broken at the end, if there is time for it.
        kills_redis: Whether the drill may kill Redis.
    """
    chance = Random(seed)  # noqa: S311  repeatable, not secret
    busy_seconds = duration_seconds - quiet_seconds(duration_seconds, lease_seconds)
    cycles = max(1, round(busy_seconds / _CYCLE_SECONDS))
    length = busy_seconds / cycles
    steps = [
        step
        for number in range(cycles)
        for step in _cycle(number * length, length / _CYCLE_SECONDS, chance)
        if kills_redis or step.action not in {Action.KILL_REDIS, Action.START_REDIS}
    ]
    return tuple(sorted(steps, key=lambda step: step.at_seconds))


def quiet_seconds(duration_seconds: float, lease_seconds: float) -> float:
    """How long nothing is broken at the end, so that events under lost leases become due again."""
    return min(lease_seconds, _QUIET_SHARE * duration_seconds)


def _cycle(begin_seconds: float, scale: float, chance: Random) -> Iterator[Step]:
    """Make the steps of one cycle from a moment on; its times are multiplied by the scale."""
    at_seconds = begin_seconds + _GAP_SECONDS * scale
    for window in (*chance.sample(EARLY, len(EARLY)), *chance.sample(LATE, len(LATE))):
        seconds = round(window.seconds * scale, 2)
        yield Step(
            at_seconds=at_seconds,
            action=Action.FAULT,
            says=window.says,
            rule=f"{window.rule},for={seconds:g}",
        )
        if window.kills:
            kill_at = at_seconds + seconds * chance.uniform(0.3, 0.6)
            yield from _kill(window.kills, kill_at, min(1.0, scale))
        at_seconds += seconds + _GAP_SECONDS * scale


def _kill(action: Action, at_seconds: float, scale: float) -> Iterator[Step]:
    down_seconds, revival = _DOWN[action]
    up_at = at_seconds + down_seconds * scale
    yield Step(at_seconds, action, _SAYS[action])
    yield Step(up_at, revival, _SAYS[revival])
