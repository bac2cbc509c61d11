"""A deployment of docker-compose.yml on the local Docker engine, under its own project name."""

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

#: The files from which images are built, and those for Compose.
SOURCES = (
    *(".dockerignore", "Dockerfile", "docker-compose.yml", "docker-compose.sandbox.yml"),
    *("pyproject.toml", "README.md", "LICENSE"),
    *("client", "config", "requirements", "tasks", "worker"),
)

#: Another name and port than docker-compose.yml's, so that a deployment in use is not touched.
PROJECT = "convertro-test"
REDIS_PORT = 16379

FLOWER_AUTH = "operator:pass$word #1"
WRITE_KEY = "key-of-the-shop"

#: How long one command may take, in seconds, against hanging; building an image takes longest.
LONGEST_COMMAND_SECONDS = 600


class Deployment:
    """A deployment that `docker compose` runs from its own folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.sandbox = SandboxClient("http://127.0.0.1:8020")
        lines = [f"{name}='{value}'\n" for name, value in environment.items()]
        (folder / ".env").write_text((ROOT / ".env.example").read_text() + "".join(lines))

    def __call__(self, *arguments: str) -> str:
        """Run `docker compose` with some arguments and return what it prints."""
        done = subprocess.run(
            ["docker", "compose", "-p", PROJECT, *arguments],
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
        """Start what does not run, wait until it is healthy, and return the seconds it took."""
        begun = time.monotonic()
        self("up", "--wait", "--wait-timeout", "300", *arguments)
        return time.monotonic() - begun

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self("ps", "--quiet", service).split()

    def health(self) -> dict[str, str]:
        """The health of each container, as Docker sees it."""
        lines = self("ps", "--format", "json").splitlines()
        return {each["Name"]: each["Health"] for each in map(json.loads, lines)}

    def status(self) -> dict[str, Any]:
        """The JSON of `convertro status` in a worker's container."""
        found: dict[str, Any] = json.loads(
            self("exec", "-T", "worker", "convertro", "status", "--json")
        )
        return found

    def producer(self) -> Producer:
        """Make a producer for an application on this machine."""
        account = {
            name.removeprefix("CONVERTRO_").lower(): value for name, value in DESTINATION.items()
        }
        return make_producer(
            Settings.model_validate(
                {**account, "redis_url": f"redis://127.0.0.1:{REDIS_PORT}/0", "concurrency": 32}
            )
        )


def why_not() -> str | None:
    """Why Docker cannot be used here; None if it can."""
    if not shutil.which("docker"):
        return "there is no docker here"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            return f"{' '.join(command)}: {done.stderr.strip().splitlines()[0]}"
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
    ours = {
        "COMPOSE_FILE": "docker-compose.yml:docker-compose.sandbox.yml",
        "COMPOSE_PROFILES": "collector",
        "CONVERTRO_WRITE_KEYS": WRITE_KEY,
        "REDIS_PORT": str(REDIS_PORT),
        "FLOWER_BASIC_AUTH": FLOWER_AUTH,
    }
    deployment = Deployment(folder, {**DESTINATION, **limits, **ours})
    try:
        deployment("build")
        yield deployment
    finally:
        deployment("down", "--volumes", "--rmi", "local")


@pytest.fixture
def deployment(built: Deployment) -> Deployment:
    """A running deployment with an empty journal."""
    built("down", "--volumes")
    print(f"healthy after {built.up():.1f} s")
    return built
