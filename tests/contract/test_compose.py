"""The files for Docker Compose: what must hold, as learned from running them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "docker-compose.yml"
SANDBOX = ROOT / "docker-compose.sandbox.yml"
EXAMPLE = (ROOT / ".env.example").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return loaded


COMPOSE, WITH_SANDBOX = load(MAIN), load(SANDBOX)

#: Every service by name, as its own file describes it.
SERVICES: dict[str, dict[str, Any]] = {**WITH_SANDBOX["services"], **COMPOSE["services"]}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SERVICES[request.param]


def test_the_files_are_valid() -> None:
    check = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [sys.executable, *check, MAIN, SANDBOX], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def has_compose() -> bool:
    """Whether `docker compose` is installed; it can read its files without an engine."""
    command = ["docker", "compose", "version"]
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_compose_reads_what_the_example_says(tmp_path: Path) -> None:
    for path in (MAIN, SANDBOX):
        shutil.copy(path, tmp_path)
    (tmp_path / ".env").write_text(f"{EXAMPLE}FLOWER_BASIC_AUTH='user:pass$word #1'\n")
    done = subprocess.run(
        ["docker", "compose", "-f", MAIN.name, "-f", SANDBOX.name, "config", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read["name"] == "convertro"
    # It doubles dollars, so that it can read its own output again.
    flower = read["services"]["flower"]["environment"]
    assert flower["FLOWER_BASIC_AUTH"] == "user:pass$$word #1"


def test_no_two_services_export_one_image() -> None:
    images = [each.get("image", name) for name, each in SERVICES.items()]
    assert len(set(images)) == len(images)


def test_an_image_that_is_built_again_is_the_same() -> None:
    # A build time would be part of the image, and containers would be replaced for it.
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS=1" in EXAMPLE.splitlines()


def test_the_sandbox_is_a_service_of_its_own_that_every_worker_reaches() -> None:
    assert "sandbox" not in COMPOSE["services"]
    assert not any("network_mode" in each for each in SERVICES.values())
    reached = WITH_SANDBOX["services"]["worker"]["environment"]
    assert reached["CONVERTRO_BASE_URL"] == "http://sandbox:8020"
    assert "--host 0.0.0.0" in SERVICES["sandbox"]["command"]


def test_what_the_sandbox_was_sent_survives_its_container() -> None:
    (volume,) = SERVICES["sandbox"]["volumes"]
    name, _, folder = volume.partition(":")
    assert name in WITH_SANDBOX["volumes"]
    assert f"--record {folder}/" in SERVICES["sandbox"]["command"]
    assert folder in DOCKERFILE  # a new volume takes its owner from the image


def test_any_number_of_workers_can_be_started() -> None:
    assert not {"container_name", "hostname", "ports"} & set(SERVICES["worker"])


def test_applications_on_this_machine_reach_redis() -> None:
    assert SERVICES["redis"]["ports"] == ["127.0.0.1:${REDIS_PORT:-6379}:6379"]


def test_nothing_listens_beyond_this_machine(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_journal_does_not_depend_on_the_name_of_the_folder() -> None:
    assert COMPOSE["name"] == "convertro"
    assert WITH_SANDBOX.get("name", "convertro") == "convertro"
    assert SERVICES["redis"]["volumes"] == ["journal:/data"]


def test_a_redis_that_still_loads_is_not_healthy() -> None:
    probe = SERVICES["redis"]["healthcheck"]
    assert probe["test"] == ["CMD", "valkey-cli", "-e", "ping"]
    assert probe["start_period"] == "10m"


def test_text_in_the_example_is_in_single_quotes() -> None:
    given = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    texts = [
        f"CONVERTRO_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.annotation not in {bool, int, float}
    ]
    assert len(texts) > 10
    for name in [*texts, "FLOWER_BASIC_AUTH"]:
        assert re.fullmatch(r"'[^']*'", given[name]), name


def test_the_example_names_what_compose_sets_itself() -> None:
    introduction = EXAMPLE.partition("\n\n")[0]
    for name in SERVICES["worker"]["environment"]:
        assert name in introduction


def test_redis_refuses_in_time_and_keeps_one_file() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert command[0] == "valkey-server"
    assert options == {
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory": "${REDIS_MAXMEMORY:-1gb}",
        "--maxmemory-policy": "noeviction",
    }


def test_containers_may_do_no_more_than_they_need(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    needs = ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"] if service is SERVICES["redis"] else []
    assert service.get("cap_add", []) == needs


@pytest.mark.parametrize("name", ["worker", "collector"])
def test_the_processes_of_a_container_can_share_files(name: str) -> None:
    assert SERVICES[name]["tmpfs"] == ["/tmp"]


def test_logs_have_an_end(service: dict[str, Any]) -> None:
    assert service["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "5"},
    }


def test_what_was_stopped_stays_stopped(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"


def test_a_healthy_container_is_known_soon_and_probed_seldom(service: dict[str, Any]) -> None:
    probe = service["healthcheck"]
    assert (probe["interval"], probe["start_interval"]) == ("30s", "2s")
    assert "start_period" in probe


def test_a_worker_has_the_time_to_hand_back_its_events() -> None:
    assert SERVICES["worker"]["stop_grace_period"] == "60s"


def test_the_image_holds_the_code_once_and_compiled() -> None:
    assert not re.search(r"^COPY ", DOCKERFILE, re.MULTILINE)
    assert "--mount=type=bind,target=/src,rw" in DOCKERFILE
    assert "python -m compileall" in DOCKERFILE
