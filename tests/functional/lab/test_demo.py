"""The newcomer's first command, as a process."""

import re
import signal
import socket
import subprocess
import sys

from tests.support.waiting import until
from worker.lab.demo.samples import SAMPLES
from worker.lab.demo.stack import ROOT

DEMO = [sys.executable, "-m", "worker.cli", "demo"]


def test_the_demo_accounts_for_every_event() -> None:
    shown = subprocess.run(DEMO, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Every event is accounted for." in shown.stdout
    for sample in SAMPLES:
        assert sample.title in shown.stdout


def test_a_demo_that_is_asked_to_end_takes_everything_down() -> None:
    process = subprocess.Popen(
        [*DEMO, "--keep"], cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    ports: list[int] = []
    for line in process.stdout:
        if found := re.search(r"CONVERTRO_(?:REDIS|BASE)_URL='[a-z]+://127.0.0.1:(\d+)", line):
            ports.append(int(found[1]))
        if "sandbox accepted" in line:
            break
    assert len(ports) == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    process.stdout.close()
    for port in ports:
        until(lambda port=port: _refuses(port))


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
