"""Celery's own ways to run a worker: as a daemon, with a log file, by signals and options."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.celery_process import run_celery
from tests.support.events import mobile_track
from tests.support.processes import kill_child
from tests.support.waiting import until
from worker.lab.demo.stack import ROOT, Stack, stop_process


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def enqueue(stack: Stack, prefix: str, number: int) -> None:
    stack.producer().intake.enqueue_many(
        [mobile_track(messageId=f"{prefix}-{index}") for index in range(number)]
    )


def wait_until_delivered(stack: Stack, number: int) -> None:
    journal = stack.producer().journal
    until(lambda: journal.snapshot().total("delivered") == number)
    assert {call.times for call in stack.sandbox.calls()} == {1}


def wait_for_a_worker(stack: Stack) -> None:
    journal = stack.producer().journal
    until(lambda: journal.snapshot().workers)


def actions(stack: Stack) -> set[object]:
    return {line.get("action") for line in stack.worker_lines()}


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_a_worker_runs_whatever_streams_are_closed(
    stack: Stack, tmp_path: Path, closed: list[int]
) -> None:
    """A program that starts a worker may close them. To keep the log, it gives it a file."""
    log = tmp_path / "w.log"
    command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker", "-f", str(log)]
    redirections = " ".join(f"{number}>&-" for number in closed)
    worker = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *command, "-c", "1"],
        cwd=ROOT,
        env={**os.environ, **stack.environment, "CONVERTRO_LOG_FORMAT": "json"},
        process_group=0,
    )
    stack.workers.append(worker)
    enqueue(stack, "mute", 2)
    wait_until_delivered(stack, 2)
    assert stop_process(worker) == 0
    assert "worker_stopped" in {line.get("action") for line in lines_of(log)}


def test_sighup_ends_nothing_and_loses_nothing(stack: Stack) -> None:
    """Sent to the worker alone, as by a log rotation, and to all of its processes."""
    stack.sandbox.add_fault("slow=1")
    worker = stack.start_worker()
    wait_for_a_worker(stack)
    enqueue(stack, "before", 80)
    until(lambda: stack.producer().journal.snapshot().claimed > 0)
    worker.send_signal(signal.SIGHUP)
    until(lambda: "hangup_ignored" in actions(stack))
    os.killpg(worker.pid, signal.SIGHUP)
    wait_until_delivered(stack, 80)
    enqueue(stack, "after", 10)
    wait_until_delivered(stack, 90)
    assert stop_process(worker) == 0


def test_a_worker_that_waits_for_redis_ends_at_sigterm(stack: Stack) -> None:
    """It handles the signal itself: process 1 of a container gets no signal that it does not."""
    stack.kill_valkey()
    worker = stack.start_worker()
    until(lambda: "preflight_waits" in actions(stack))
    assert stop_process(worker) == 0
    assert "Traceback" not in stack.worker_log.read_text(encoding="utf-8")


def test_a_process_is_replaced_although_the_workers_parent_ignored_sigchld(
    stack: Stack,
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        worker = stack.start_worker("-c", "1")
    finally:
        signal.signal(signal.SIGCHLD, before)
    enqueue(stack, "before", 1)
    wait_until_delivered(stack, 1)  # until then, the end of a process would end the worker
    kill_child(worker)
    enqueue(stack, "after", 1)
    wait_until_delivered(stack, 2)


def test_a_worker_of_celery_multi_logs_to_its_file_survives_sighup_and_stops(
    stack: Stack, tmp_path: Path
) -> None:
    log, pidfile = tmp_path / "one.log", tmp_path / "one.pid"
    files = (f"--pidfile={tmp_path}/%n.pid", f"--logfile={tmp_path}/%n.log")
    started = run_celery(
        "multi", "start", "one", "-A", "worker.app", "-l", "DEBUG", "-c", "1", *files,
        **stack.environment,
    )  # fmt: skip
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        wait_for_a_worker(stack)
        os.kill(int(pidfile.read_text(encoding="utf-8")), signal.SIGHUP)
        until(lambda: "hangup_ignored" in log.read_text(encoding="utf-8"))
        enqueue(stack, "event", 5)
        wait_until_delivered(stack, 5)
        # The moved file is no longer written.
        log.rename(tmp_path / "old.log")
        enqueue(stack, "later", 5)
        wait_until_delivered(stack, 10)
    finally:
        stopped = run_celery(
            "multi", "stopwait", "one", "-A", "worker.app", *files, **stack.environment
        )
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert not pidfile.exists()
    assert any(line["level"] == "debug" for line in lines_of(tmp_path / "old.log"))
    assert "worker_stopped" in {line.get("action") for line in lines_of(log)}


@pytest.mark.parametrize("process", ["", "%I"])
def test_the_level_asked_for_goes_to_the_file_asked_for(
    stack: Stack, tmp_path: Path, process: str
) -> None:
    """The stack's own setting asks for DEBUG."""
    name = f"{tmp_path}/%n{process}.log"
    worker = stack.start_worker("-f", name, "-l", "WARNING", "-n", "two@%h", "-c", "1")
    stack.sandbox.add_fault("status=400")
    enqueue(stack, "refused", 1)
    journal = stack.producer().journal
    until(lambda: journal.snapshot().counters.get("dead:rejected") == 1)
    assert stop_process(worker) == 0
    logs = {path.name: lines_of(path) for path in tmp_path.iterdir()}
    assert set(logs) == ({"two.log", "two-1.log"} if process else {"two.log"})
    assert "event_dead" in {line.get("action") for line in logs[f"two{'-1' * bool(process)}.log"]}
    assert {line["level"] for lines in logs.values() for line in lines} <= {"warning", "error"}
    assert stack.worker_log.read_text(encoding="utf-8") == ""


def test_a_detached_worker_with_a_missing_setting_says_so_here_and_in_its_file(
    tmp_path: Path,
) -> None:
    log = tmp_path / "w.log"
    ended = run_celery("worker", "-D", f"--logfile={log}", CONVERTRO_SITE_ID="")
    assert ended.returncode == 1
    sentence = "CONVERTRO_SITE_ID must be set: every call to Convertro needs it"
    assert ended.stderr == f"convertro: {sentence}\n"
    (line,) = [line for line in lines_of(log) if line["level"] == "error"]
    assert (line["event"], line["action"]) == (sentence, "preflight_error")


def test_a_log_file_that_cannot_be_written_is_named() -> None:
    ended = run_celery("worker", "--logfile=/no/such/folder/w.log")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "convertro: --logfile /no/such/folder/w.log cannot be written: No such file or directory"
    )


def test_a_log_file_that_cannot_be_opened_anew_ends_no_worker(stack: Stack, tmp_path: Path) -> None:
    """Logrotate may leave one in its place that the worker's user must not write."""
    log = tmp_path / "w.log"
    stack.sandbox.add_fault("status=400")
    worker = stack.start_worker("-f", str(log), "-c", "1")
    wait_for_a_worker(stack)
    log.rename(tmp_path / "w.log.1")
    log.mkdir()
    enqueue(stack, "refused", 1)
    journal = stack.producer().journal
    until(lambda: journal.snapshot().counters.get("dead:rejected") == 1)
    worker.send_signal(signal.SIGHUP)
    until(lambda: {"event_dead", "hangup_ignored"} <= actions(stack))
    assert stop_process(worker) == 0
    assert "Traceback" not in stack.worker_log.read_text(encoding="utf-8")
    assert not journal.snapshot().workers


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--soft-time-limit", "3"], "--time-limit and --soft-time-limit would cut off calls"),
        (["--time-limit", "30"], "--time-limit and --soft-time-limit would cut off calls"),
        (["--", "task.soft_time_limit=3"], "--time-limit and --soft-time-limit would cut off"),
        (["--autoscale", "8,2"], "--autoscale cannot work"),
        (["--pool-start-method", "spawn"], "--pool-start-method spawn cannot be used"),
        (["-X", "convertro"], "--queues and --exclude-queues cannot change that a worker takes"),
        (["-Q", "other"], "--queues and --exclude-queues cannot change that a worker takes"),
        (["-Q", "convertro,other"], "--queues and --exclude-queues cannot change that a worker"),
        (["--", "broker.url=redis://127.0.0.1:1"], "Celery's setting broker_url was changed"),
        (["--max-tasks-per-child", "0"], "--max-tasks-per-child must be 1 or more"),
        (["--pidfile", "/no/such/folder/w.pid"], "--pidfile /no/such/folder/w.pid cannot be"),
        (["--statedb", "/no/such/folder/state"], "--statedb /no/such/folder/state cannot be"),
    ],
    ids=lambda given: given[-1] if isinstance(given, list) else "",
)
def test_an_option_that_cannot_work_is_refused_in_one_sentence(
    options: list[str], says: str
) -> None:
    ended = run_celery("worker", *options)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"convertro: {says}")
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["-Q", "other"], {}),
        (["-X", "convertro"], {}),
        ([], {"CELERY_WORKER_QUEUES": "other"}),
        (["--soft-time-limit", "3"], {}),
    ],
    ids=["others", "not ours", "a variable", "a time limit"],
)
def test_a_detached_worker_refuses_options_while_there_is_a_terminal(
    options: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    log = f"--logfile={tmp_path}/w.log"
    ended = run_celery("worker", "-D", log, *options, **environment)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("convertro: --")


@pytest.mark.parametrize("options", [[], ["-D"]], ids=["attached", "detached"])
@pytest.mark.parametrize("url", ["nosuch://x", "amqp://guest:sec[ret]@127.0.0.1:1//", "sqs://"])
def test_a_broker_that_cannot_be_used_is_told_in_one_sentence(
    stack: Stack, options: list[str], url: str, tmp_path: Path
) -> None:
    log = f"--logfile={tmp_path}/w.log"
    environment = {**stack.environment, "CONVERTRO_BROKER_URL": url}
    ended = run_celery("worker", log, *options, **environment)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("convertro: CONVERTRO_BROKER_URL leads to no broker")
    told = ended.stdout + ended.stderr + (tmp_path / "w.log").read_text(encoding="utf-8")
    assert "Traceback" not in told
    assert "ret]" not in told


@pytest.mark.environment(CONCURRENCY="1")
@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_other_pools_deliver_without_going_silent_and_hand_back(stack: Stack, pool: str) -> None:
    """Each event takes longer than the time after which a worker counts as silent."""
    stack.sandbox.add_fault("slow=6")
    worker = stack.start_worker("-P", pool)
    wait_for_a_worker(stack)
    enqueue(stack, "event", 3)
    journal = stack.producer().journal

    def done() -> bool:
        snapshot = journal.snapshot()
        assert snapshot.workers
        assert not snapshot.silent
        return snapshot.total("delivered") == 2

    until(done)
    assert stop_process(worker) == 0
    assert journal.snapshot().claimed == 0
    assert {call.times for call in stack.sandbox.calls()} == {1}


def test_time_limits_cannot_be_set_from_afar_and_a_pool_may_grow(stack: Stack) -> None:
    stack.start_worker("-c", "1")
    wait_for_a_worker(stack)
    told = run_celery("control", "time_limit", "convertro.deliver", "1", "1", **stack.environment)
    assert "ERROR" in told.stdout
    run_celery("control", "pool_grow", "2", **stack.environment)
    journal = stack.producer().journal
    until(lambda: [one.capacity for one in journal.snapshot().workers] == [3])


@pytest.fixture(autouse=True)
def _no_variables_of_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove Celery's variables, because workers inherit this process's environment."""
    for name in list(os.environ):
        if name.startswith("CELERY_"):
            monkeypatch.delenv(name)
