"""Versions of what a way's environment holds."""

import json
import subprocess

from benchmarks.entries import Way

_SCRIPT = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def versions_of(way: Way) -> dict[str, str]:
    """Ask the environment of a way, which is not ours."""
    command = [way.program("python"), "-c", _SCRIPT, *way.packages]
    found: dict[str, str] = json.loads(subprocess.check_output(command, text=True))
    return found
