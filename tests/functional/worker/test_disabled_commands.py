"""Commands that managed services and proxies disable for every user."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from convertro import Client
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack


@contextmanager
def disabled(*commands: str) -> Iterator[Stack]:
    """A deployment whose server does not know some commands."""
    lines = "\nrename-command ".join(f'{command} ""' for command in commands)
    with Stack() as stack:
        stack.start_valkey(**{"rename-command": lines})
        stack.start_sandbox()
        yield stack


def test_a_worker_needs_none_of_the_commands_for_administrators() -> None:
    administrators = ("ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "INFO", "KEYS")
    with disabled("HELLO", "MEMORY", "ROLE", "WAITAOF", *administrators) as stack:
        cli = Cli(stack.environment)
        assert cli.json("preflight")["errors"] == 0
        stack.start_worker()
        producer = stack.producer()
        until(lambda: producer.journal.snapshot().workers)
        Client(stack.redis_url).enqueue(mobile_track())
        until(lambda: producer.journal.snapshot().total("delivered") == 1)
        assert cli.json("status")["redis"] == {"used_bytes": None, "max_bytes": None}


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("TIME", "TIME"),
        ("UNLINK", "UNLINK {convertro}:preflight-*"),
        ("MULTI", "MULTI"),
        ("PSUBSCRIBE", "PSUBSCRIBE /0.celery.pidbox"),
        ("SCRIPT", "SCRIPT LOAD"),
        ("WAITAOF", "WAITAOF (disabled in this Redis)"),
    ],
)
def test_a_disabled_command_that_a_worker_needs_is_named(command: str, named: str) -> None:
    with disabled(command) as stack:
        fsync = {"CONVERTRO_DURABILITY": "fsync"}
        ended = Cli(stack.environment)("preflight", "--json", **fsync)
    assert ended.returncode == 1
    assert f"the user of CONVERTRO_REDIS_URL may not: {named}" in ended.stdout
