"""The versions of the packages in a way's environment."""

import json
import subprocess

from benchmarks.entries import Way

_SCRIPT = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def versions_of(way: Way) -> dict[str, str]:
    """Ask a way's environment for the versions of its packages."""
    command = [way.program("python"), "-c", _SCRIPT, *way.packages]
    found: dict[str, str] = json.loads(subprocess.check_output(command, text=True))
    return found
