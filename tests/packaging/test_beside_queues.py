"""The client in an application's environment, beside the queue that the application has."""

from pathlib import Path

import pytest
from redis import Redis

from tests.support.fresh_environment import FreshEnvironment, wheel
from worker.lab.demo.embedded import embedded_server

pytestmark = pytest.mark.index

#: The tested release of each queue, and the module to import.
QUEUES = {
    "celery[redis]": "celery",
    "dramatiq[redis]": "dramatiq.brokers.redis",
    "rq": "rq",
    "arq": "arq",
    "saq[redis]": "saq",
}

#: Packages that a queue imports without requiring them.
FORGOTTEN = {"saq[redis]": ("typing-extensions",)}

ENQUEUE = """
import warnings
with warnings.catch_warnings(action="ignore"):
    import {module}
from convertro import enqueue
print(enqueue({{"type": "track", "event": "Signed Up", "userId": "u1", "messageId": "one"}}))
"""


@pytest.mark.parametrize(("queue", "module"), QUEUES.items(), ids=QUEUES)
def test_the_client_works_beside(queue: str, module: str, tmp_path: Path) -> None:
    environment = FreshEnvironment.make(tmp_path / "application")
    environment.install(wheel("convertro_client"), queue, *FORGOTTEN.get(queue, ()))
    packages = environment.packages()
    name = queue.partition("[")[0]
    print(f"{name} {packages[name]}, redis {packages['redis']}, hiredis {packages['hiredis']}")
    with embedded_server() as server:
        url = f"redis://127.0.0.1:{server.port}/0"
        program = ENQUEUE.format(module=module)
        ended = environment.run("python", "-c", program, CONVERTRO_REDIS_URL=url)
        assert (ended.stdout, ended.stderr) == ("one\n", "")
        with Redis(port=server.port) as redis:
            assert redis.hkeys("{convertro}:events") == [b"one"]
