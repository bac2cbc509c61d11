"""docker-compose.yml as operators use it, under load: no event is lost."""

import subprocess
from collections.abc import Iterator

import pytest
import requests

from tests.compose.conftest import FLOWER_AUTH, WRITE_KEY, Deployment
from tests.support.load import Load
from tests.support.waiting import until

pytestmark = pytest.mark.slow

EVENTS_PER_SECOND = 50

#: The services of both files.
SERVICES = {"redis", "worker", "flower", "exporter", "collector", "sandbox"}


@pytest.fixture
def load(deployment: Deployment) -> Iterator[Load]:
    """An application on this machine, outside all containers; calls are always in flight."""
    deployment.sandbox.add_fault("slow=0.2")
    with Load(deployment, EVENTS_PER_SECOND) as load:
        load.flows()
        yield load


def test_compose_accepts_the_files(built: Deployment) -> None:
    built("config", "--quiet")


def test_everything_becomes_healthy_and_answers(deployment: Deployment) -> None:
    assert set(deployment.health().values()) == {"healthy"}
    assert len(deployment.health()) == len(SERVICES)
    with Load(deployment, EVENTS_PER_SECOND) as load:
        load.flows()
        load.settle()
    name, _, password = FLOWER_AUTH.partition(":")
    tasks = "http://127.0.0.1:5555/api/tasks"
    assert requests.get(tasks, timeout=10).status_code == 401
    assert requests.get(tasks, auth=(name, password), timeout=10).status_code == 200
    metrics = requests.get("http://127.0.0.1:9808/metrics", timeout=10).text
    assert "\nconvertro_up 1.0\n" in metrics
    event = {"type": "track", "event": "Signed Up", "userId": "u-1"}
    sent = requests.post(
        "http://127.0.0.1:8030/v1/track", json=event, auth=(WRITE_KEY, ""), timeout=10
    )
    assert sent.status_code == 200
    deployment("exec", "-T", "worker", "convertro", "preflight")


def test_several_collectors_share_a_port(deployment: Deployment) -> None:
    two = ("timeout", "15", "convertro", "collector", "--port", "8031", "--workers", "2")
    with pytest.raises(AssertionError, match=r"listening on http://127\.0\.0\.1:8031"):
        deployment("exec", "-T", "collector", *two)


def test_a_container_can_neither_write_nor_gain_rights(deployment: Deployment) -> None:
    for service in SERVICES:
        with pytest.raises(AssertionError, match="Read-only file system"):
            deployment("exec", "-T", service, "touch", "/tried")
        status = deployment("exec", "-T", service, "cat", "/proc/1/status")
        assert "NoNewPrivs:\t1" in status


def test_starting_again_with_nothing_changed_changes_nothing(deployment: Deployment) -> None:
    before = {service: deployment.containers(service) for service in SERVICES}
    deployment.up("--build")
    assert {service: deployment.containers(service) for service in SERVICES} == before


def test_a_worker_is_restarted(deployment: Deployment, load: Load) -> None:
    for _ in range(3):
        deployment("restart", "worker")
        print(f"flows after {load.flows():.1f} s")
    load.settle()


def test_redis_is_restarted(deployment: Deployment, load: Load) -> None:
    for _ in range(3):
        deployment("restart", "redis")
        print(f"flows after {load.flows():.1f} s")
    load.settle()


def test_three_workers_share_the_work(deployment: Deployment, load: Load) -> None:
    deployment.up("--scale", "worker=3", "--no-recreate")
    load.flows()
    assert len(deployment.status()["workers"]) == 3
    for number in ("1", "2", "3"):
        in_it = ("exec", "-T", "--index", number, "worker", "convertro")
        deployment(*in_it, "health", "--live")
        assert "sandbox:8020 accepts connections" in deployment(*in_it, "preflight")
    deployment.up("--scale", "worker=1", "--no-recreate")
    load.flows()
    load.settle()


def test_an_upgrade_is_a_rebuild(deployment: Deployment, load: Load) -> None:
    worker, redis = deployment.containers("worker"), deployment.containers("redis")
    module = deployment.folder / "worker" / "__init__.py"
    module.write_text(f"{module.read_text()}\n#: The next release.\nNEXT = True\n")
    deployment.up("--build")
    print(f"flows after {load.flows():.1f} s")
    assert deployment.containers("worker") != worker
    assert deployment.containers("redis") == redis
    deployment("exec", "-T", "worker", "python", "-c", "from worker import NEXT")
    load.settle()


def test_a_worker_is_killed(deployment: Deployment, load: Load) -> None:
    for _ in range(3):
        deployment("kill", "worker")
        deployment.up()
        print(f"flows after {load.flows():.1f} s")
    load.settle()


def test_redis_is_killed(deployment: Deployment, load: Load) -> None:
    # As docs/redis.md says: otherwise the last events may be lost if the disk is busy.
    deployment("exec", "-T", "redis", "valkey-cli", "config", "set", "appendfsync", "always")
    for _ in range(3):
        deployment("kill", "redis")
        deployment.up()
        deployment("exec", "-T", "redis", "valkey-cli", "config", "set", "appendfsync", "always")
        print(f"flows after {load.flows():.1f} s")
    load.settle()


def test_all_of_it_goes_down_and_comes_up(deployment: Deployment, load: Load) -> None:
    for _ in range(2):
        deployment("down")
        deployment.up()
        print(f"flows after {load.flows():.1f} s")
    load.settle()


def test_a_process_that_ends_by_itself_is_started_again(deployment: Deployment, load: Load) -> None:
    (container,) = deployment.containers("worker")
    # Every process but the first, which ends with the last of them.
    deployment("exec", "-T", "worker", "sh", "-c", "kill -9 -1 || true")
    until(lambda: restarts(container) == 1)
    print(f"flows after {load.flows():.1f} s")
    load.settle()


def restarts(container: str) -> int:
    """How often Docker itself has restarted a container."""
    command = ["docker", "inspect", "--format", "{{.RestartCount}}", container]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
