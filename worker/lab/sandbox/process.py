"""A sandbox in its own process, for tests and for commands that need one for a while."""

import re
import signal
import subprocess
import sys
from typing import Self

from worker.lab.sandbox.client import SandboxClient

#: How long a stopping sandbox may take, in seconds, before it is killed.
_STOP_SECONDS = 10.0


class SandboxProcess:
    """Starts `convertro sandbox` and stops it at the end of a `with` block."""

    def __init__(self, *arguments: str, port: int = 0) -> None:
        """Start a sandbox and wait until it listens.

        Args:
            arguments: Options of `convertro sandbox`.
            port: 0 for any free port.

        Raises:
            RuntimeError: It ended instead of listening; its stderr says why.
        """
        command = [sys.executable, "-m", "worker.cli", "sandbox", "--port", str(port), *arguments]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            command,
            stdout=subprocess.PIPE,
            text=True,
            # Its own process group: Ctrl-C reaches only our process, which then stops the sandbox.
            process_group=0,
        )
        #: The URL at which it listens.
        self.base_url = self._announced()
        self.client = SandboxClient(self.base_url)

    def _announced(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: stdout is a pipe
        for line in self._process.stdout:
            if found := re.search(r"listening on (\S+)", line):
                return found[1]
        self.kill()
        raise RuntimeError(f"the sandbox ended with exit code {self._process.returncode}")

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.base_url.rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the sandbox to end, as an operator would.

        Args:
            number: The signal; SIGTERM or SIGINT.

        Returns:
            Its exit code.
        """
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_SECONDS)
        finally:
            self.kill()
        return self._process.returncode

    def kill(self) -> None:
        """Kill the sandbox, as a crash would."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
