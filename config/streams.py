"""Standard streams that whoever started this program closed."""

import os
import sys
from pathlib import Path


def replace_closed_streams() -> None:
    """Let what is written to a closed stream go nowhere; what is read there is empty.

    The next file or connection would get the number of one that stays closed, and what a library
    writes to that number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # For as long as the process runs.
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
