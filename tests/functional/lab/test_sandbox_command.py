"""The command `convertro sandbox`: its options, its messages, its end."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support.ignoring import ignoring_sigint
from tests.support.sandbox_requests import IMPATIENT_SECONDS, LONG_SECONDS, send
from tests.support.waiting import until
from worker.lab.sandbox.client import SandboxClient
from worker.lab.sandbox.process import SandboxProcess


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker.cli", "sandbox", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_stops_quietly_even_with_answers_under_way(
    capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    with SandboxProcess("--fault", "reset,nth=1", "--fault", "hang") as sandbox:
        with pytest.raises(requests.RequestException):
            send(sandbox)
        with pytest.raises(requests.ReadTimeout):
            send(sandbox, timeout=IMPATIENT_SECONDS)
        with ThreadPoolExecutor(1) as threads:
            hanging = threads.submit(send, sandbox)
            until(lambda: sandbox.client.summary().requests == 3)
            assert sandbox.stop(number) == 0
            with pytest.raises(requests.ConnectionError):
                hanging.result()
    assert capfd.readouterr().err == ""


def test_it_goes_on_ignoring_ctrl_c_if_it_was_started_so() -> None:
    with ignoring_sigint(), SandboxProcess() as sandbox:
        sandbox._process.send_signal(signal.SIGINT)
        assert send(sandbox).status_code == 200
        assert sandbox.stop() == 0


def test_every_answer_can_be_slowed() -> None:
    with SandboxProcess("--latency-ms", str(LONG_SECONDS * 1000)) as sandbox:
        with pytest.raises(requests.ReadTimeout):
            send(sandbox, timeout=IMPATIENT_SECONDS)
        assert sandbox.client.summary().accepted == 1
    with SandboxProcess("--latency-ms", "1") as sandbox:
        assert send(sandbox).status_code == 200


def test_it_prints_where_it_listens_and_its_seed() -> None:
    command = [sys.executable, "-m", "worker.cli", "sandbox", "--port", "0", "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "seed 7; the same ratios again with --seed 7\n"
        assert process.stdout.readline().startswith(
            "convertro sandbox listening on http://127.0.0.1:"
        )
        process.terminate()


def test_a_port_that_is_taken_is_reported_in_one_sentence() -> None:
    with SandboxProcess() as sandbox:
        ended = run("--port", str(sandbox.port))
    assert ended.returncode == 1
    assert ended.stderr.startswith("convertro sandbox could not start: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_that_is_no_record_file_is_reported_in_one_sentence(tmp_path: Path) -> None:
    record = tmp_path / "notes.txt"
    record.write_text("shopping list\n")
    ended = run("--port", "0", "--record", str(record))
    assert ended.returncode == 1
    assert f"{record}, line 1" in ended.stderr
    assert record.read_text() == "shopping list\n"


def test_a_wrong_rule_is_a_wrong_option() -> None:
    ended = run("--fault", "status=teapot")
    assert ended.returncode == 2
    assert "status=teapot" in ended.stderr


def test_its_help_has_a_line_for_each_fault() -> None:
    told = run("--help").stdout
    for kind in ("status", "slow", "drip", "hang", "reset", "error-body", "web-page", "refuse"):
        assert any(line.strip(" │").startswith(kind) for line in told.splitlines()), kind


def test_a_sandbox_that_cannot_start_is_an_error() -> None:
    with SandboxProcess() as sandbox, pytest.raises(RuntimeError, match="exit code 1"):
        SandboxProcess(port=sandbox.port)


def test_waiting_for_a_sandbox_that_is_not_there_ends() -> None:
    with pytest.raises(TimeoutError, match="no sandbox at"):
        SandboxClient("http://127.0.0.1:9").wait_until_ready(0.05)
