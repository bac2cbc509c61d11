"""The command `convertro` as a real process, and journals for it to look at."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from config.settings import DEFAULT_QUEUE
from convertro.intake_journal import WAKEUP_TOKEN
from tests.support.waiting import PATIENCE_SECONDS
from worker.journal.journal import Journal
from worker.journal.records import Attempt, Finish, Move

if TYPE_CHECKING:
    from redis import Redis

ROOT = Path(__file__).resolve().parents[2]

COMMAND = (sys.executable, "-m", "worker.cli")

#: In every event here; no output may hold it unless content was asked for.
MARKER = "ada-lovelace@example.com"

#: What mod_wsgi, cron and old containers start programs with.
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@dataclass(frozen=True)
class Cli:
    """Runs commands with nothing but PATH and the given settings in their environment."""

    settings: Mapping[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self.settings, **more}

    def __call__(
        self, *arguments: str | Path, stdin: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=ROOT,
            env=self.environment(**environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @property
    def place(self) -> str:
        """The line that says where the journal is."""
        address = self.settings["CONVERTRO_REDIS_URL"].removeprefix("redis://").removesuffix("/0")
        prefix = self.settings.get("CONVERTRO_KEY_PREFIX", "{convertro}:")
        return f"Redis {address}, database 0, keys {prefix}*\n"

    def json(self, *arguments: str | Path) -> Any:
        """What a command prints with `--json`, which has to end well."""
        ended = self(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def start(self, *arguments: str, stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


@dataclass(frozen=True)
class Filler:
    """Brings events of a journal where a test wants them."""

    journal: Journal
    redis: "Redis"
    prefix: str
    ended: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)

    def accept(self, *ids: str) -> None:
        """Let events be due."""
        self.journal.accept([(name, raw_event(name)) for name in ids])

    def claim(self, *ids: str) -> dict[str, str]:
        """Let a worker that is alive hold events; answers their leases."""
        self.accept(*ids)
        self.tick()
        claim = self.journal.claim("wakeup-1", "lease-1", 10_000, idle=False)
        return {event.event_id: event.lease for event in claim.events}

    def idle_worker(self) -> None:
        """Let the worker be alive with nothing to do, so that it would be woken up."""
        self.journal.release("wakeup-1", [])
        self.tick()
        self.journal.leave_wakeup(DEFAULT_QUEUE, WAKEUP_TOKEN)

    def tick(self) -> None:
        """Let a worker be alive, and stay so until the test ends."""
        self.journal.tick("worker-1@host", 2, [])
        if not self.threads:
            self.threads.append(Thread(target=self._beat))
            self.threads[0].start()

    def _beat(self) -> None:
        while not self.ended.wait(1):
            self.journal.tick("worker-1@host", 2, [])

    def end(self) -> None:
        """Let the worker be."""
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def finish(self, move: Move, *ids: str, **fields: Any) -> None:
        """Claim events and say what became of them."""
        leases = self.claim(*ids)
        self.journal.finish(
            [Finish(event_id=name, lease=leases[name], move=move, **fields) for name in ids]
        )

    def bury(self, *ids: str, **fields: Any) -> None:
        """Let events be dead letters; rejected ones unless the test says otherwise."""
        rejected = {"reason": "rejected", "outcome_class": "rejected", "status": 400}
        self.finish(Move.DEAD, *ids, **{"attempts": [attempt()], **rejected, **fields})

    def died(self, event_id: str, at_ms: int) -> None:
        """Move a dead letter's death in time."""
        self.redis.zadd(f"{self.prefix}dead", {event_id: at_ms})
        worth = self.redis.zscore(f"{self.prefix}worth", event_id)
        self.redis.zadd(f"{self.prefix}worth", {event_id: worth // 10**13 * 10**13 + at_ms})

    def places(self, *ids: str) -> list[str]:
        return [self.journal.look(name).place for name in ids]


def attempt(**overrides: Any) -> Attempt:
    fields = {"at_ms": 1_777_889_730_123, "call": "sale", "outcome_class": "rejected"}
    return Attempt(**{**fields, "detail": "http_400", "status": 400, **overrides})


def raw_event(event_id: str) -> bytes:
    return json.dumps(
        {"type": "identify", "messageId": event_id, "userId": "u1", "traits": {"email": MARKER}}
    ).encode()


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def jsonl(events: Sequence[Any]) -> str:
    return "".join(f"{json.dumps(event)}\n" for event in events)
