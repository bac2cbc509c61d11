"""The manifests for Kubernetes: valid, confined, and with what a worker needs."""

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from config.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"

#: The oldest version of Kubernetes that is checked, and the newest with a schema.
VERSIONS = ("1.30", kubernetes_validate.latest_version())

#: Every object by its kind and name.
OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    (each["kind"], each["metadata"]["name"]): each
    for path in sorted(FOLDER.glob("*.yaml"))
    for each in YAML(typ="safe").load_all(path.read_text())
}

WORKER = OBJECTS["Deployment", "convertro-worker"]["spec"]["template"]["spec"]
EXPORTER = OBJECTS["Deployment", "convertro-exporter"]["spec"]["template"]["spec"]
CONTAINERS = [*WORKER["initContainers"], *WORKER["containers"], *EXPORTER["containers"]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", OBJECTS.values(), ids=map("-".join, OBJECTS))
def test_a_manifest_is_valid(found: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_the_image_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {container["image"] for container in CONTAINERS}
    assert images == {f"registry.example.com/convertro-destination:{version}"}


@pytest.mark.parametrize("pod", [WORKER, EXPORTER], ids=["worker", "exporter"])
def test_a_pod_runs_as_the_user_of_the_image(pod: dict[str, Any]) -> None:
    context, dockerfile = pod["securityContext"], (ROOT / "Dockerfile").read_text()
    assert f"--uid {context['runAsUser']} " in dockerfile
    assert f"--gid {context['runAsGroup']} " in dockerfile


def test_every_setting_exists() -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    given = {
        *OBJECTS["ConfigMap", "convertro"]["data"],
        *OBJECTS["Secret", "convertro"]["stringData"],
    }
    assert given <= known
    assert "CONVERTRO_REDIS_URL" not in OBJECTS["ConfigMap", "convertro"]["data"]


@pytest.mark.parametrize("pod", [WORKER, EXPORTER], ids=["worker", "exporter"])
def test_no_service_becomes_a_setting(pod: dict[str, Any]) -> None:
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("pod", [WORKER, EXPORTER], ids=["worker", "exporter"])
def test_a_pod_may_do_no_more_than_it_needs(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["name"])
def test_a_container_may_do_no_more_than_it_needs(container: dict[str, Any]) -> None:
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}


def test_a_worker_has_what_it_needs_and_the_time_to_hand_back_its_events() -> None:
    (worker,) = WORKER["containers"]
    assert WORKER["terminationGracePeriodSeconds"] == 60
    assert worker["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


def test_an_outage_of_redis_restarts_no_worker() -> None:
    (worker,) = WORKER["containers"]
    command = worker["livenessProbe"]["exec"]["command"]
    assert command == ["sh", "-c", "convertro health --live; test $? -ne 1"]
    assert worker["startupProbe"]["exec"]["command"] == ["convertro", "health", "--live"]
    assert worker["readinessProbe"]["exec"]["command"] == ["convertro", "health", "--ready"]


def test_workers_that_fail_do_not_restart_the_exporter() -> None:
    (exporter,) = EXPORTER["containers"]
    assert exporter["livenessProbe"]["httpGet"]["path"] == "/metrics"
