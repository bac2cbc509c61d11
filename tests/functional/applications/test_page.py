"""What docs/applications.md shows besides whole applications: installing, types, tests."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.applications.conftest import PAGE, Application, run
from worker.lab.demo.stack import ROOT

pytestmark = pytest.mark.applications

HERE = Path(__file__).parent

#: The applications that are type-checked; Django has no types to check against.
TYPED = [
    "fastapi_shop.py",
    "flask_shop.py",
    "lambda_handler.py",
    "report_orders.py",
    "spill.py",
    "test_flask_shop.py",
    "two_shops.py",
]


def test_each_piece_of_code_is_used_by_a_test() -> None:
    assert PAGE.text.count("\n```") == 2 * len(PAGE.files)
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    unused = [name for name in PAGE.files if name not in tests and not name.startswith("shop/")]
    assert unused == []
    assert [command for command in PAGE.commands if command.split()[0] not in tests] == []


def test_what_is_installed_is_what_the_page_says(wheel: Path, python: Path) -> None:
    assert PAGE.command("pip") == ["pip", "install", "./client"]
    assert wheel.name.startswith("convertro_client-")
    code = (
        "from importlib.metadata import requires; print(*requires('convertro-client'), sep='\\n')"
    )
    needs = run([python, "-c", code], python.parent).splitlines()
    packages = {re.split(r"\W", need)[0] for need in needs if "extra ==" not in need}
    assert packages == {"hiredis", "msgspec", "redis"}


def test_the_client_loads_no_other_package_of_the_environment(python: Path) -> None:
    code = "import sys, convertro; convertro.Client; convertro.AsyncClient; "
    code += "print(*{'celery', 'config', 'pytest', 'tasks', 'worker'} & set(sys.modules))"
    assert run([python, "-c", code], python.parent) == "\n"


def test_an_applications_own_tests_have_the_fixture(python: Path, tmp_path: Path) -> None:
    PAGE.write(tmp_path, "flask_shop.py", "test_flask_shop.py")
    assert "2 passed" in run([python, "-m", "pytest", "-q", "-W", "error"], tmp_path)


@pytest.mark.parametrize("page", ["README.md", "client/README.md"])
def test_the_first_lines_of_a_readme_are_enough(page: str, application: Application) -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    application.run("-c", code)
    application.delivers(["order-17"])


@pytest.fixture(scope="module")
def mypy(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Check files of a folder strictly, and return what mypy prints."""
    cache = tmp_path_factory.mktemp("mypy")
    options = ["--strict", "--cache-dir", cache, "--python-executable", python]

    def check(folder: Path, *names: str) -> str:
        command = [sys.executable, "-m", "mypy", *options, *names]
        return subprocess.run(
            list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, text=True, check=False
        ).stdout

    return check


def test_a_strict_type_checker_accepts_what_the_page_shows(
    mypy: Callable[..., str], tmp_path: Path
) -> None:
    PAGE.write(tmp_path, *TYPED)
    said = mypy(tmp_path, *TYPED)
    assert said == f"Success: no issues found in {len(TYPED)} source files\n"


EVENT = """
from datetime import datetime

from convertro import AsyncClient, Client, JournalUnavailable, SegmentEvent, enqueue_many

event: SegmentEvent = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "timestamp": datetime.now().astimezone(),
    "properties": {"orderId": "17", "total": 27.5},
}


def send(client: Client) -> str | None:
    try:
        return client.enqueue(event)
    except JournalUnavailable as error:
        return error.event_id


async def send_more(client: AsyncClient) -> list[str]:
    return [await client.enqueue(event), *await client.enqueue_many([event])]


ids: list[str] = enqueue_many([event, event])
"""


def test_events_and_answers_have_types(mypy: Callable[..., str], tmp_path: Path) -> None:
    slips = {
        "right": ("", ""),
        "kind": ('"type": "track"', '"type": "trak"'),
        "field": ('"userId": "u1"', '"userID": "u1"'),
        "answer": ("ids: list[str]", "ids: list[int]"),
        "import": ("enqueue_many\n", "enqueue_many, enqueu\n"),
    }
    for name, (right, wrong) in slips.items():
        (tmp_path / f"{name}.py").write_text(EVENT.replace(right, wrong))
    said = mypy(tmp_path, *(f"{name}.py" for name in slips))
    assert said.endswith("Found 4 errors in 4 files (checked 5 source files)\n")
    for file, fault in (
        ("kind.py", "has type \"Literal['track', "),
        ("field.py", 'Extra key "userID"'),
        ("answer.py", 'variable has type "list[int]"'),
        ("import.py", 'has no attribute "enqueu"'),
    ):
        assert any(fault in line for line in said.splitlines() if line.startswith(file))
