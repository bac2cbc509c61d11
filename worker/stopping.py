"""Whether this worker stops, known to the parent process and to every child of its pool."""

import mmap


class StopFlag:
    """A flag that is shared with every process forked after it was made.

    One byte of anonymous shared memory: no lock that a killed process could keep.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """The worker stops from now on."""
        self._byte[0] = 1

    def __call__(self) -> bool:
        """Whether the worker stops."""
        return self._byte[0] == 1
