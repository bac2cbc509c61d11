"""Runs Flower as a real process, and reads its API and pages."""

import json
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from tests.support.waiting import until
from worker.lab.demo.stack import Stack

if TYPE_CHECKING:
    import subprocess

#: The columns of `make flower`.
COLUMNS = "name,uuid,state,result,received,runtime,worker"

FLOWER = (sys.executable, "-m", "celery", "-A", "worker.app", "flower", "--address=127.0.0.1")

#: Flower logs this once it listens.
ADDRESS = re.compile(r"Visit me at (http://127\.0\.0\.1:\d+)")


@dataclass
class Flower:
    """Flower for a stack; it ends with the stack.

    Args:
        stack: The stack whose workers it watches.
        arguments: Further options of its command line.
        headers: The headers of each request to it.
    """

    stack: Stack
    arguments: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = self.stack.folder / "flower.log"
        self.process: subprocess.Popen[str] = self.stack._start(
            [*FLOWER, "--port=0", f"--tasks-columns={COLUMNS}", *self.arguments],
            self.log,
            {"FLOWER_UNAUTHENTICATED_API": "true", "CONVERTRO_LOG_FORMAT": "json"},
        )
        until(lambda: ADDRESS.search(self.log.read_text()))
        self.address = ADDRESS.findall(self.log.read_text())[0]

    def text(self, path: str, **query: Any) -> str:
        """The text of its answer to a GET; an error's text begins with the status."""
        request = Request(f"{self.address}{path}?{urlencode(query)}", headers=self.headers)
        try:
            with urlopen(request, timeout=60) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return f"{error.code} {error.read().decode()}"

    def json(self, path: str, **query: Any) -> Any:
        return json.loads(self.text(path, **query))

    def tasks(self, **query: Any) -> dict[str, dict[str, Any]]:
        """The tasks of the API by their ids."""
        found: dict[str, dict[str, Any]] = self.json("/api/tasks", **query)
        return found

    def knows_worker(self) -> bool:
        """Whether it has heard a worker's sign of life, so that it misses nothing after that."""
        return bool(self.json("/api/workers", status="true"))

    def task_page(self, event_id: str) -> str:
        """The page of a task, whose id is encoded as in the task list's links."""
        return self.text(f"/task/{quote(event_id, safe='')}")

    def search(self, words: str) -> list[str]:
        """The ids that a search in the task list finds."""
        columns = {f"columns[{n}][data]": name for n, name in enumerate(COLUMNS.split(","))}
        order = {"order[0][column]": 4, "order[0][dir]": "desc"}
        page = {"draw": 1, "start": 0, "length": 100, "search[value]": words}
        answer = self.json("/tasks/datatable", **columns, **order, **page)
        assert "searchError" not in answer, answer
        return [row["uuid"] for row in answer["data"]]
