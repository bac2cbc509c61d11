"""Segment's own libraries from npm, in their own folder; tests are skipped if it has none."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collector_process import CollectorProcess
from tests.support.killed_server import Server
from worker.lab.demo.stack import Stack

#: The releases that are tested.
PACKAGES = ("@segment/analytics-node@3.1.0", "@segment/analytics-next@1.84.3", "esbuild@0.25")


@pytest.fixture(scope="session")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the libraries are installed."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", *PACKAGES]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.skip(f"npm could not install {', '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def collector(stack: Stack) -> Iterator[CollectorProcess]:
    """A collector in front of a journal whose worker delivers to a sandbox."""
    Server(stack)  # it writes to disk before it answers
    stack.start_worker()
    with CollectorProcess(stack.environment) as collector:
        yield collector
