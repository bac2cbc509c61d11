"""Whether workers are alive, for liveness probes, with a sentence; see also `readiness`."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from worker.journal.snapshot import SeenWorker, Snapshot
from worker.status.wording import ago, counted, nodes_of


class Health(Enum):
    """The answer to a probe."""

    GOOD = auto()
    BAD = auto()
    #: A setting is wrong, so health is unknown.
    WRONG_SETTING = auto()
    #: Redis is unavailable or refuses writes, so health is unknown.
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is healthy."""

    health: Health
    sentence: str
    #: A stable name of what is wrong, for scripts: `worker_silent`, or a check's name.
    problem: str | None = None

    @property
    def good(self) -> bool:
        """Whether all is well."""
        return self.health is Health.GOOD


@dataclass(frozen=True, slots=True)
class WorkerChoice:
    """Which workers a probe asks about."""

    #: Completes the sentence `no worker of …`.
    name: str
    has: Callable[[SeenWorker], bool]


def every_worker() -> WorkerChoice:
    """Choose all workers."""
    return WorkerChoice("any host", lambda _: True)


def one_worker(node: str) -> WorkerChoice:
    """Choose the worker with a node name."""
    return WorkerChoice(f"the name {node}", lambda worker: worker.node == node)


def of_this_host() -> WorkerChoice:
    """Choose the workers whose node name ends with this host's name, as Celery's default does."""
    host = socket.gethostname()
    return WorkerChoice(f"this host, {host},", lambda worker: worker.node.partition("@")[2] == host)


def live(snapshot: Snapshot, chosen: WorkerChoice) -> Verdict:
    """Judge whether the chosen workers are alive and ask for work while some waits.

    Args:
        snapshot: The journal now.
        chosen: Which workers.
    """
    silent = tuple(filter(chosen.has, snapshot.lately_silent))
    stuck = tuple(filter(chosen.has, snapshot.stuck))
    alive = tuple(filter(chosen.has, snapshot.workers))
    if silent:
        last_ms = max(worker.ticked_ms for worker in silent)
        return _bad(
            "worker_silent",
            f"{nodes_of(silent)} went silent {ago(last_ms, snapshot.now_ms)}: killed, hung, or cut "
            "off from Redis; start it again",
        )
    if stuck:
        asked_ms = max(worker.asked_ms or 0 for worker in stuck)
        return _bad(
            "worker_stuck",
            f"{nodes_of(stuck)} asked for work {ago(asked_ms, snapshot.now_ms)}, although some "
            "waits: hung; kill it and start it again",
        )
    if not alive:
        return _bad(
            "no_worker",
            f"no worker of {chosen.name} is in the journal: it has not started, or it stopped",
        )
    oldest_ms = min(worker.ticked_ms for worker in alive)
    told = counted(len(alive), "worker")
    return Verdict(
        Health.GOOD,
        f"{told} alive: {nodes_of(alive)}, last sign of life {ago(oldest_ms, snapshot.now_ms)}",
    )


def liveness(
    snapshot: Snapshot, chosen: WorkerChoice, refusal: Callable[[], str | None]
) -> Verdict:
    """Judge as `live` does, but answer `UNKNOWN` if Redis refuses workers' signs of life.

    Args:
        snapshot: The journal now.
        chosen: Which workers.
        refusal: Finds out why Redis refuses writes; called only if a worker seems not to be alive.
    """
    verdict = live(snapshot, chosen)
    if verdict.good or not (sentence := refusal()):
        return verdict
    return Verdict(Health.UNKNOWN, sentence, "redis_refuses")


def _bad(problem: str, sentence: str) -> Verdict:
    return Verdict(Health.BAD, sentence, problem)
