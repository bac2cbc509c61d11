"""An environment as applications have it: the client's wheel, and what they are made of."""

import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.page import Page
from tests.support.waiting import until
from worker.lab.demo.stack import ROOT, Stack, stop_process

PAGE = Page("applications.md")

#: No step takes that long, however busy the machine is.
PATIENCE_SECONDS = 300


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's wheel, built where no build before left anything."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "client", folder / "client", ignore=shutil.ignore_patterns("build"))
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    run([sys.executable, "-m", "pip", "wheel", *options, folder / "client"], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which nothing of this repository is but the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
    python = folder / "bin" / "python"
    # A pip of its own and compiling everything would take longer than all else here.
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    pinned = ROOT / "requirements" / "applications.txt"
    run([*pip, "install", "--quiet", "--no-compile", "--require-hashes", "-r", pinned], folder)
    run([*pip, "install", "--quiet", "--no-deps", wheel], folder)
    run([*pip, "check"], folder)
    return python


def run(command: list[Any], folder: Path, **environment: str) -> str:
    """Run a command that has to end well; answers what it printed."""
    ended = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**outside(), **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return ended.stdout


def outside() -> dict[str, str]:
    """The environment without anything that leads into this repository."""
    ours = ("CONVERTRO_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@dataclass(frozen=True)
class Application:
    """An application in a folder of its own; it knows of the journal's Redis, and nothing else."""

    python: Path
    folder: Path
    stack: Stack

    @property
    def environment(self) -> dict[str, str]:
        redis_url = self.stack.redis_url
        return {"CONVERTRO_REDIS_URL": redis_url, "SHOP_BROKER_URL": f"{redis_url[:-1]}1"}

    def write(self, *names: str) -> None:
        """Take files of the page."""
        PAGE.write(self.folder, *names)

    def run(self, *arguments: Any) -> str:
        """Run Python in the folder; answers what it printed."""
        return run([self.python, *arguments], self.folder, **self.environment)

    def start(self, *arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        """Start Python in the folder."""
        return subprocess.Popen(
            [str(self.python), *map(str, arguments)],
            cwd=self.folder,
            env={**outside(), **self.environment},
            text=True,
            process_group=0,
            **options,
        )

    def delivers(self, names: Collection[str]) -> None:
        """Wait until nothing is in flight; then these orders were delivered, each once."""
        journal = self.stack.producer().journal
        until(lambda: journal.snapshot().in_flight == 0)
        assert journal.snapshot().unaccounted == 0
        book = Counter({call.key: call.times for call in self.stack.sandbox.calls()})
        assert book == Counter(f"{name}/sale" for name in names)


@pytest.fixture
def application(python: Path, tmp_path: Path, stack: Stack) -> Application:
    stack.start_worker()
    return Application(python, tmp_path, stack)


@pytest.fixture
def serve(application: Application) -> Iterator[Callable[..., str]]:
    """Start servers: each gets a socket that listens, and answers by what it is reached."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> str:
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            given = [word.format(fd=listener.fileno()) for word in arguments]
            processes.append(application.start("-m", *given, pass_fds=[listener.fileno()]))
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for process in processes:
        stop_process(process)
