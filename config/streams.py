"""Replaces standard streams that were closed when this program started."""

import os
import sys
from pathlib import Path


def replace_closed_streams() -> None:
    """Open `/dev/null` in place of each closed stream.

    Otherwise the next file or connection would get the file descriptor of the closed stream, and
    with it the output that libraries write to that descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The file stays open for as long as the process runs.
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
