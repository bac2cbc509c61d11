"""The ways that race: how each one's workers are started, and in which environment.

Each way is a module in `benchmarks.ways`, which only its own environment can import. Its docstring
says how it is configured and which advice of its documentation this follows. It has a function
`enqueue`, and may have `connect` and `enqueue_many`; all of these may be coroutine functions.
"""

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from worker.lab.demo.stack import DESTINATION, ROOT

#: For ways with threads or tasks in a process: the number of worker processes, and how many events
#: each may have in flight.
PROCESSES = 2
IN_FLIGHT = 128

#: The values of `{in_flight}` and `{processes}` in commands, unless a way needs others.
BOUNDS = {"in_flight": IN_FLIGHT, "processes": PROCESSES}


@dataclass(frozen=True, slots=True)
class Way:
    """One way of queueing events and delivering them."""

    name: str
    #: Its module in `benchmarks.ways`.
    module: str
    #: The folder of its environment.
    environment: str
    #: The commands that start its workers: programs of the environment, with arguments.
    commands: tuple[str, ...]
    #: The packages whose versions are reported.
    packages: tuple[str, ...]
    #: Further variables of its workers and its producer.
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Differences from `BOUNDS`.
    bounds: Mapping[str, int] = field(default_factory=dict)
    #: How many events each process may have in flight with a slow destination: the best number that
    #: `benchmarks.tuning` tried. None for a way with one event in a process.
    slow_in_flight: int | None = None
    #: How its `enqueue_many` sends events: a list in one round trip, or gathered, as many calls at
    #: once; None if it has no `enqueue_many`.
    bulk: Literal["one round trip", "gathered"] | None = None

    def worker_commands(self, bounds: Mapping[str, int]) -> list[list[str]]:
        """The commands with bounds filled in, to be run in the project's folder."""
        plain = self.plain_commands(bounds)
        return [[self.program(command[0]), *command[1:]] for command in plain]

    def plain_commands(self, bounds: Mapping[str, int] | None = None) -> list[list[str]]:
        """The commands with bounds filled in, without the programs' folder."""
        filled = {**BOUNDS, **self.bounds, **(bounds or {})}
        return [command.format(**filled).split() for command in self.commands]

    def program(self, name: str) -> str:
        return str(ROOT / self.environment / "bin" / name)

    def variables_for(
        self, redis_url: str, base_url: str, bounds: Mapping[str, int]
    ) -> dict[str, str]:
        """The whole environment of its workers and its producer."""
        filled = {**BOUNDS, **self.bounds, **bounds}
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("CONVERTRO_")
        }
        return {
            **inherited,
            **DESTINATION,
            # The other ways translate with our code, which is not installed in their environments.
            "PYTHONPATH": f"{ROOT}:{ROOT}/client",
            "CONVERTRO_REDIS_URL": redis_url,
            "CONVERTRO_BASE_URL": base_url,
            "CONVERTRO_LOG_LEVEL": "ERROR",
            "CONVERTRO_CONCURRENCY": str(filled["in_flight"]),
            **self.variables,
        }

    def configuration(self) -> str:
        """Its module's docstring."""
        text = (Path(__file__).parent / "ways" / f"{self.module}.py").read_text()
        return ast.get_docstring(ast.parse(text)) or ""

    def is_installed(self) -> bool:
        return Path(self.program("python")).exists()


def _two(command: str) -> tuple[str, ...]:
    """The command of a worker, once for each of `PROCESSES` numbers."""
    return tuple(command.replace("{number}", str(number)) for number in range(PROCESSES))


_CELERY = (
    "celery -A benchmarks.ways.plain_celery worker --loglevel ERROR"
    " --without-gossip --without-mingle --without-heartbeat"
)
_OURS = "celery -A worker.app worker --without-gossip --without-mingle --concurrency {processes}"
_DRAMATIQ = (
    "dramatiq benchmarks.ways.with_dramatiq --skip-logging"
    " --processes {processes} --threads {in_flight}"
)
_RQ = (
    "rq worker-pool race --quiet --logging-level ERROR --config benchmarks.ways.with_rq"
    " --worker-class rq.worker.SimpleWorker --num-workers {processes}"
)
_HUEY = (
    "huey_consumer benchmarks.ways.with_huey.huey --quiet --no-periodic"
    " --worker-type greenlet --workers {in_flight}"
)
_ARQ = (
    "arq benchmarks.ways.with_arq.WorkerSettings --custom-log-dict benchmarks.ways.with_arq.QUIET"
)
_TASKIQ = (
    "taskiq worker benchmarks.ways.with_taskiq:broker --log-level ERROR"
    " --workers {processes} --max-async-tasks {in_flight} --ack-type when_executed"
)
_SAQ = "saq benchmarks.ways.with_saq.settings --quiet --workers {processes}"

_CELERY_PACKAGES = ("celery", "kombu", "redis", "hiredis", "requests")

WAYS = {
    way.name: way
    for way in (
        Way(
            name="ours",
            module="ours",
            environment=".venv",
            commands=(_OURS,),
            packages=_CELERY_PACKAGES,
            bulk="one round trip",
            slow_in_flight=512,
        ),
        Way(
            name="celery-prefork",
            module="plain_celery",
            environment=".venv-bench",
            commands=(f"{_CELERY} --pool prefork --concurrency {{processes}}",),
            packages=_CELERY_PACKAGES,
            bounds={"in_flight": 1, "processes": 64},
        ),
        Way(
            name="celery-threads",
            module="plain_celery",
            environment=".venv-bench",
            commands=_two(
                f"{_CELERY} --pool threads --concurrency {{in_flight}} -n race{{number}}@%h"
            ),
            packages=_CELERY_PACKAGES,
            slow_in_flight=256,
        ),
        Way(
            name="celery-gevent",
            module="plain_celery",
            environment=".venv-bench",
            commands=_two(
                f"{_CELERY} --pool gevent --concurrency {{in_flight}} -n race{{number}}@%h"
            ),
            packages=(*_CELERY_PACKAGES, "gevent"),
            slow_in_flight=256,
        ),
        Way(
            name="dramatiq",
            module="with_dramatiq",
            environment=".venv-bench",
            commands=(_DRAMATIQ,),
            packages=("dramatiq", "redis", "hiredis", "requests"),
            variables={"dramatiq_worker_timeout": "100"},
            slow_in_flight=256,
        ),
        Way(
            name="rq",
            module="with_rq",
            environment=".venv-bench",
            commands=(_RQ,),
            packages=("rq", "redis", "hiredis", "requests"),
            bounds={"in_flight": 1, "processes": 64},
            bulk="one round trip",
        ),
        Way(
            name="huey",
            module="with_huey",
            environment=".venv-bench",
            commands=_two(_HUEY),
            packages=("huey", "gevent", "redis", "hiredis", "requests"),
            slow_in_flight=256,
        ),
        Way(
            name="arq",
            module="with_arq",
            environment=".venv-bench-arq",
            commands=_two(_ARQ),
            packages=("arq", "redis", "hiredis", "aiohttp", "uvloop"),
            bulk="gathered",
            slow_in_flight=256,
        ),
        Way(
            name="taskiq",
            module="with_taskiq",
            environment=".venv-bench",
            commands=(_TASKIQ,),
            packages=("taskiq", "taskiq-redis", "redis", "hiredis", "aiohttp", "uvloop"),
            bulk="gathered",
            slow_in_flight=512,
        ),
        Way(
            name="saq",
            module="with_saq",
            environment=".venv-bench-saq",
            commands=(_SAQ,),
            packages=("saq", "redis", "hiredis", "aiohttp", "uvloop"),
            bulk="gathered",
            slow_in_flight=256,
        ),
    )
}
