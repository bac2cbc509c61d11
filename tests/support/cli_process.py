"""Runs the command `convertro` as a real process, and fills journals for it."""

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

#: Content in every event here; no output may contain it unless content was asked for.
MARKER = "ada-lovelace@example.com"

#: The locale with which mod_wsgi, cron and old containers start programs.
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
        """The line that names the journal."""
        address = self.settings["CONVERTRO_REDIS_URL"].removeprefix("redis://").removesuffix("/0")
        prefix = self.settings.get("CONVERTRO_KEY_PREFIX", "{convertro}:")
        return f"Redis {address}, database 0, keys {prefix}*\n"

    def json(self, *arguments: str | Path) -> Any:
        """Run a command with `--json`, which must succeed, and read what it prints."""
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
    """Brings events of a journal into the places that a test needs."""

    journal: Journal
    redis: "Redis"
    prefix: str
    ended: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)

    def accept(self, *ids: str) -> None:
        """Accept events, so that they are due."""
        self.journal.accept([(name, raw_event(name)) for name in ids])

    def claim(self, *ids: str) -> dict[str, str]:
        """Accept and claim events for a worker that is alive; return their leases by id."""
        self.accept(*ids)
        self.tick()
        claim = self.journal.claim("wakeup-1", "lease-1", 10_000)
        return {event.event_id: event.lease for event in claim.events}

    def idle_worker(self) -> None:
        """Make the worker alive and idle, so that an accept would wake it."""
        self.journal.release("wakeup-1", [])
        self.tick()
        self.journal.leave_wakeup(DEFAULT_QUEUE, WAKEUP_TOKEN)

    def tick(self) -> None:
        """Make a worker alive until the test ends."""
        self.journal.tick("worker-1@host", 2, [])
        if not self.threads:
            self.threads.append(Thread(target=self._beat))
            self.threads[0].start()

    def _beat(self) -> None:
        while not self.ended.wait(1):
            self.journal.tick("worker-1@host", 2, [])

    def end(self) -> None:
        """Stop the worker's signs of life."""
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def finish(self, move: Move, *ids: str, **fields: Any) -> None:
        """Claim and finish events."""
        leases = self.claim(*ids)
        self.journal.finish(
            [Finish(event_id=name, lease=leases[name], move=move, **fields) for name in ids]
        )

    def bury(self, *ids: str, **fields: Any) -> None:
        """Bury events, as rejected ones by default."""
        rejected = {"reason": "rejected", "outcome_class": "rejected", "status": 400}
        self.finish(Move.DEAD, *ids, **{"attempts": [attempt()], **rejected, **fields})

    def died(self, event_id: str, at_ms: int) -> None:
        """Set the time at which a dead letter died."""
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
