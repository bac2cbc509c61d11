"""A deployment of docker-compose.yml on the Docker engine that is there, under its own name."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.support.load import SETTINGS
from worker.journal.producer import Producer, make_producer
from worker.lab.demo.stack import DESTINATION
from worker.lab.sandbox.client import SandboxClient

ROOT = Path(__file__).resolve().parents[2]

#: What an image is built from, and the files for Compose.
SOURCES = (
    *(".dockerignore", "Dockerfile", "docker-compose.yml", "docker-compose.sandbox.yml"),
    *("pyproject.toml", "README.md", "LICENSE"),
    *("client", "config", "requirements", "tasks", "worker"),
)

#: Not the name and the port of docker-compose.yml: a deployment that is in use stays untouched.
PROJECT = "convertro-test"
REDIS_PORT = 16379

FLOWER_AUTH = "operator:pass$word #1"

#: A hang guard for one command; building an image takes longest.
LONGEST_COMMAND_SECONDS = 600


class Deployment:
    """What `docker compose` runs in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.sandbox = SandboxClient("http://127.0.0.1:8020")
        lines = [f"{name}='{value}'\n" for name, value in environment.items()]
        (folder / ".env").write_text((ROOT / ".env.example").read_text() + "".join(lines))

    def __call__(self, *arguments: str) -> str:
        """Run `docker compose` with some arguments and answer what it prints."""
        files = ("-f", "docker-compose.yml", "-f", "docker-compose.sandbox.yml")
        done = subprocess.run(
            ["docker", "compose", "-p", PROJECT, *files, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def up(self, *arguments: str) -> float:
        """Start what does not run, wait until it is healthy, and answer how long it took."""
        begun = time.monotonic()
        self("up", "--wait", "--wait-timeout", "300", *arguments)
        return time.monotonic() - begun

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self("ps", "--quiet", service).split()

    def health(self) -> dict[str, str]:
        """What Docker says of each container."""
        lines = self("ps", "--format", "json").splitlines()
        return {each["Name"]: each["Health"] for each in map(json.loads, lines)}

    def status(self) -> dict[str, Any]:
        """What `convertro status` says in a worker."""
        found: dict[str, Any] = json.loads(
            self("exec", "-T", "worker", "convertro", "status", "--json")
        )
        return found

    def producer(self) -> Producer:
        """What an application on this machine enqueues with."""
        account = {
            name.removeprefix("CONVERTRO_").lower(): value for name, value in DESTINATION.items()
        }
        return make_producer(
            Settings.model_validate(
                {**account, "redis_url": f"redis://127.0.0.1:{REDIS_PORT}/0", "concurrency": 32}
            )
        )


def why_not() -> str | None:
    """Why nothing can be run here."""
    if not shutil.which("docker"):
        return "there is no docker here"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            return f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}"
    return None


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A copy of this project, with its images built."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("compose")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    limits = {f"CONVERTRO_{name}": value for name, value in SETTINGS.items()}
    ours = {"REDIS_PORT": str(REDIS_PORT), "FLOWER_BASIC_AUTH": FLOWER_AUTH}
    deployment = Deployment(folder, {**DESTINATION, **limits, **ours})
    try:
        deployment("build")
        yield deployment
    finally:
        deployment("down", "--volumes", "--rmi", "local")


@pytest.fixture
def deployment(built: Deployment) -> Deployment:
    """A deployment that is up, with an empty journal."""
    built("down", "--volumes")
    print(f"healthy after {built.up():.1f} s")
    return built
