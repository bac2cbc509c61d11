"""Runs Celery's commands as processes."""

import os
import subprocess
import sys

from worker.lab.demo.stack import DESTINATION, ROOT


def run_celery(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Celery's that is expected to end soon."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker.app", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **DESTINATION, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
