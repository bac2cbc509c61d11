"""A resolver for processes with this folder in PYTHONPATH: it asks the file that HOSTS names first.

A look-up of a name with the address `silence` hangs.
"""

import os
import socket
import time
from pathlib import Path
from typing import Any

_real = socket.getaddrinfo


def _getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
    for line in Path(os.environ["HOSTS"]).read_text().splitlines():
        address, name = line.split()
        if host == name and address == "silence":
            time.sleep(3600)
        if host == name:
            host = address
    return _real(host, *rest, **named)


socket.getaddrinfo = _getaddrinfo
