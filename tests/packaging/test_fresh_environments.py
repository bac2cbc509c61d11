"""What `make dist` builds, in environments without this checkout."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from redis import Redis

from tests.support.events import web_identify
from tests.support.fresh_environment import ROOT, FreshEnvironment, wheel
from worker.cli.terminal.exit_codes import ExitCode
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import DESTINATION

pytestmark = pytest.mark.index

#: The pinned versions with which everything is tested.
PINNED = ("--constraints", str(ROOT / "requirements" / "setup.txt"))

ENQUEUE = """
from convertro import enqueue
print(enqueue({"type": "track", "event": "Signed Up", "userId": "u1", "messageId": "one"}))
"""


@pytest.fixture(scope="module")
def producer(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """The client as an application would install it."""
    environment = FreshEnvironment.make(tmp_path_factory.mktemp("producer"))
    environment.install(wheel("convertro_client"))
    return environment


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """A worker without extras."""
    environment = FreshEnvironment.make(tmp_path_factory.mktemp("worker"))
    environment.install(*PINNED, wheel("convertro_client"), wheel("convertro_destination"))
    return environment


@pytest.mark.parametrize("distribution", ["convertro_client", "convertro_destination"])
def test_a_wheel_has_its_licence_and_its_scripts(distribution: str) -> None:
    with ZipFile(wheel(distribution)) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        assert "License-Expression: MIT" in archive.read(metadata).decode()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert any(name.endswith(".lua") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_clients_wheel_is_typed_and_brings_one_package() -> None:
    with ZipFile(wheel("convertro_client")) as archive:
        names = archive.namelist()
    assert "convertro/py.typed" in names
    assert {Path(name).parts[0] for name in names if ".dist-info" not in name} == {"convertro"}


def test_a_producer_has_the_client_and_the_three_packages_that_it_needs(
    producer: FreshEnvironment,
) -> None:
    packages = producer.packages().keys() - {"async-timeout"}  # before Python 3.11.3
    assert packages == {"convertro-client", "hiredis", "msgspec", "redis"}


def test_a_producer_enqueues(producer: FreshEnvironment) -> None:
    with embedded_server() as server:
        url = f"redis://127.0.0.1:{server.port}/0"
        ended = producer.run("python", "-c", ENQUEUE, CONVERTRO_REDIS_URL=url)
        assert (ended.stdout, ended.stderr) == ("one\n", "")
        with Redis(port=server.port) as redis:
            assert redis.hkeys("{convertro}:events") == [b"one"]


def test_a_worker_says_its_version(worker: FreshEnvironment) -> None:
    packages = worker.packages()
    version = packages["convertro-destination"]
    assert worker.run("convertro", "--version").stdout == f"convertro {version}\n"
    assert packages["convertro-client"] == version


def test_a_worker_translates(worker: FreshEnvironment) -> None:
    (worker.folder / "events.jsonl").write_text(json.dumps(web_identify()))
    ended = worker.run("convertro", "translate", "events.jsonl", **DESTINATION)
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, "")
    assert json.loads(ended.stdout)["outcome"] == "send"


def test_a_worker_has_the_client(worker: FreshEnvironment) -> None:
    ended = worker.run("python", "-c", "import convertro; print(convertro.__file__)")
    assert Path(ended.stdout.strip()).is_relative_to(worker.folder)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["demo"], "demo"),
        (["sandbox"], "sandbox"),
        (["exporter"], "exporter"),
        (["drill"], "sandbox"),
        (["drill", "--embedded"], "demo"),
    ],
    ids=" ".join,
)
def test_a_worker_without_an_extra_says_what_to_install(
    worker: FreshEnvironment, arguments: list[str], extra: str
) -> None:
    ended = worker.run("convertro", *arguments)
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, "")
    assert ended.stderr.endswith(f"pip install 'convertro-destination[{extra}]'\n")
    assert len(ended.stderr.splitlines()) == 1


def test_the_demo_needs_its_extra_and_no_checkout(tmp_path: Path) -> None:
    environment = FreshEnvironment.make(tmp_path / "demo")
    destination = f"{wheel('convertro_destination')}[demo]"
    environment.install(*PINNED, wheel("convertro_client"), destination)
    ended = environment.run("convertro", "demo")
    assert ended.returncode == ExitCode.DONE, ended.stdout + ended.stderr
    assert "Every event is accounted for." in ended.stdout
