"""The units for systemd: valid, confined, and patient with a worker that stops."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
WORKER, EXPORTER, COLLECTOR = UNITS = [
    FOLDER / "convertro-worker@.service",
    FOLDER / "convertro-exporter.service",
    FOLDER / "convertro-collector.service",
]

#: The greatest exposure of 100, by `systemd-analyze security`; without any such setting it is 96.
MOST_EXPOSED = 15

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


def options(unit: Path) -> dict[str, str]:
    """The options of a unit, by name; of repeated ones the last counts."""
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", unit.read_text(), re.MULTILINE))


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_a_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    # It checks that the program exists, so the path is that of this environment.
    folder = Path(sys.executable).parent
    copy.write_text(unit.read_text().replace("/opt/convertro/bin", str(folder)))
    done = analyze("verify", copy)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_may_do_no_more_than_it_needs(unit: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_confined_and_started_again_but_not_without_end(unit: Path) -> None:
    found = options(unit)
    assert found["User"] == "convertro"
    assert found["EnvironmentFile"] == "/etc/convertro/convertro.env"
    assert found["ProtectSystem"] == "strict"
    assert found["NoNewPrivileges"] == "yes"
    assert found["CapabilityBoundingSet"] == ""
    assert found["Restart"] == "always"
    # systemd stops restarting a unit that ends at once, but not one that waits a minute for Redis.
    interval, burst = int(found["StartLimitIntervalSec"]), int(found["StartLimitBurst"])
    assert int(found["RestartSec"]) * burst < interval
    assert (int(found["RestartSec"]) + 60) * burst > interval


def test_a_worker_has_the_time_to_hand_back_its_events() -> None:
    found = options(WORKER)
    assert found["KillMode"] == "mixed"
    assert found["TimeoutStopSec"] == "60"


def test_workers_of_one_machine_have_names_of_their_own() -> None:
    assert "-n worker%i@%%h" in options(WORKER)["ExecStart"]
