"""Virtual environments that hold only what a test installs."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True)
class FreshEnvironment:
    """A virtual environment with the Python that runs the tests."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "FreshEnvironment":
        run(str(UV), "venv", "--quiet", "--python", sys.executable, str(folder))
        return cls(folder)

    def install(self, *what: str) -> None:
        self._pip("install", *what)
        self._pip("check")

    def packages(self) -> dict[str, str]:
        """The versions of the installed packages, by name."""
        found = json.loads(self._pip("list", "--format", "json").stdout)
        return {package["name"]: package["version"] for package in found}

    def run(
        self, program: str, *arguments: str, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program of this environment, in its folder; it may fail."""
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=self.folder,
            env={**_environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _pip(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(str(UV), "pip", *arguments, "--quiet", "--python", str(self.folder))


def wheel(distribution: str) -> str:
    """The path of a wheel that `make dist` built."""
    [found] = (ROOT / "dist").glob(f"{distribution}-*.whl")
    return str(found)


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that must succeed."""
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=_environment(), cwd=ROOT.parent
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def _environment() -> dict[str, str]:
    """The environment without the variables of the tests' own Python."""
    left_out = {"VIRTUAL_ENV", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in left_out}
