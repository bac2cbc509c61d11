"""The surface on which other programs rely: names, signatures, import rules."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from config.destination import ConvertroSettings
from config.settings import DEFAULT_QUEUE, Settings
from worker import destination, task_names

ROOT = Path(__file__).parent.parent.parent

PACKAGES = ("client", "config", "tasks", "worker")

#: Modules that a module must not import if its docstring says that it is pure.
IMPURE_MODULES = {"redis", "requests", "celery", "tenacity", "time", "random", "os", "urllib3"}

PURE = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text())) or "")
]


def imported_by(path: Path) -> set[str]:
    """The top-level modules that a file imports anywhere."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").partition(".")[0])
    return modules


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_that_calls_itself_pure_is(path: Path) -> None:
    assert not imported_by(path) & IMPURE_MODULES


def test_the_modules_that_decide_call_themselves_pure() -> None:
    assert set((ROOT / "worker" / "destination").glob("*.py")) <= set(PURE)
    assert {ROOT / "worker" / "outcomes.py", ROOT / "worker" / "status" / "problems.py"} <= set(
        PURE
    )


def test_translation_needs_no_celery_redis_or_requests() -> None:
    code = (
        "import sys, worker.destination; "
        "print(sorted({'celery', 'kombu', 'redis', 'requests', 'tenacity'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_importing_tasks_connects_to_nothing_and_reads_no_settings() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import tasks; print(tasks.enqueue.__name__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"CONVERTRO_REDIS_URL": "nonsense"},
    )
    assert answer.stdout.strip() == "enqueue"


def test_tasks_has_its_public_names() -> None:
    assert {"enqueue", "enqueue_many", "InvalidEvent", "JournalUnavailable"} <= set(tasks.__all__)
    assert list(inspect.signature(tasks.enqueue).parameters) == ["event"]
    assert list(inspect.signature(tasks.enqueue_many).parameters) == ["events"]
    assert issubclass(tasks.InvalidEvents, tasks.InvalidEvent)


def test_translate_has_its_signature() -> None:
    parameters = list(inspect.signature(destination.translate).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["event", "settings"]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[2:])


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("TrackUser", "domain visitor_id user_id traits"),
        (
            "TrackEvent",
            "domain visitor_id user_id event_type event_id event_value currency timestamp",
        ),
        ("LinkDevice", "domain device_id user_id"),
        (
            "DeviceEvent",
            "domain device_id user_id event_type event_id event_value currency timestamp",
        ),
        ("Install", "domain device_id user_id app os advertising_id timestamp"),
    ],
)
def test_calls_have_the_fields_of_their_bodies(call: str, fields: str) -> None:
    assert list(getattr(destination, call).__dataclass_fields__) == fields.split()


def test_translation_settings_are_all_optional() -> None:
    assert list(ConvertroSettings.model_fields) == [
        "account",
        "client_name",
        "site_id",
        "domain",
        "events",
        "hybrid_attribution_model",
        "consent_categories",
    ]
    assert ConvertroSettings() == ConvertroSettings(
        account="",
        client_name="",
        site_id="",
        domain="",
        events={},
        hybrid_attribution_model=False,
    )


def test_variables_are_named_convertro() -> None:
    assert Settings.model_config["env_prefix"] == "CONVERTRO_"


def test_queue_and_task_have_their_names() -> None:
    assert (DEFAULT_QUEUE, task_names.DELIVER) == ("convertro", "convertro.deliver")


def test_dead_letters_have_their_name_in_flower() -> None:
    assert task_names.DEAD_LETTER == "convertro.dead_letter"


def test_the_celery_application_registers_just_this_task() -> None:
    code = (
        "from worker.app import app; app.loader.import_default_modules(); "
        "print(sorted(name for name in app.tasks if not name.startswith('celery.')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['convertro.deliver']"
