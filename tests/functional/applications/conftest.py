"""An environment as applications have it: the client's wheel and the packages that they use."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.page import Page
from tests.support.waiting import until
from worker.journal.producer import make_producer
from worker.journal.redis_client import WORKER_TIMEOUT_SECONDS
from worker.lab.demo.stack import ROOT, Stack, stop_process

PAGE = Page("applications.md")

#: How long a step may take, in seconds: more than on any busy machine.
PATIENCE_SECONDS = 300


@pytest.fixture(scope="session")
def wheel(session_folder: Path) -> Path:
    """The client's wheel, built in a folder without leftovers of earlier builds."""
    folder = session_folder / "wheel"
    with made_once(folder) as is_mine:
        if is_mine:
            client = folder / "client"
            shutil.copytree(ROOT / "client", client, ignore=shutil.ignore_patterns("build"))
            pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
            run([*pip, "--no-build-isolation", "--wheel-dir", folder, client], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path, session_folder: Path) -> Path:
    """The interpreter of an environment that holds nothing of this repository but the wheel."""
    folder = session_folder / "environment"
    python = folder / "bin" / "python"
    with made_once(folder) as is_mine:
        if is_mine:
            run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
            # Installing a pip and compiling everything would take longer than everything else here.
            pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
            pinned = ["--require-hashes", "-r", ROOT / "requirements" / "applications.txt"]
            run([*pip, "install", "--quiet", "--no-compile", *pinned], folder)
            run([*pip, "install", "--quiet", "--no-deps", wheel], folder)
            run([*pip, "check"], folder)
    return python


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shared by the processes among which pytest-xdist distributes the tests."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Yield whether to make the folder's content now; wait if another process is making it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".done")
        folder.mkdir(exist_ok=True)
        yield not done.exists()
        done.touch()


def run(command: list[Any], folder: Path, **environment: str) -> str:
    """Run a command that must succeed, and return what it printed."""
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
    """An application in its own folder; of this project it knows only the journal's Redis."""

    python: Path
    folder: Path
    stack: Stack

    @property
    def environment(self) -> dict[str, str]:
        redis_url = self.stack.redis_url
        return {"CONVERTRO_REDIS_URL": redis_url, "SHOP_BROKER_URL": f"{redis_url[:-1]}1"}

    def write(self, *names: str) -> None:
        """Write files that the page shows into the folder."""
        PAGE.write(self.folder, *names)

    def run(self, *arguments: Any) -> str:
        """Run Python in the folder, and return what it printed."""
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
        """Wait until nothing is in flight; check that exactly these orders were delivered, once."""
        journal = make_producer(self.stack.settings, WORKER_TIMEOUT_SECONDS).journal
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
    """Start servers, each on a socket that listens already; each start returns the URL."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> str:
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            given = [word.format(fd=listener.fileno()) for word in arguments]
            processes.append(application.start("-m", *given, pass_fds=[listener.fileno()]))
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for process in processes:
        stop_process(process)
