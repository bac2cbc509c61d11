"""The least that Python can do for the same requests: urllib3 alone, with nothing around it.

`python -m benchmarks.bare_http URL FIRST LAST THREADS` posts what the product would post for
those events. It prints `ready` and begins when it reads a line.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from threading import Thread

import urllib3

from benchmarks.delivering import require_once, steady_rate
from benchmarks.event import event, message_id
from benchmarks.sink import Sink
from benchmarks.ways.delivery import SETTINGS
from worker.destination.plan import plan
from worker.destination.wire import idempotency_key
from worker.lab.demo.stack import ROOT
from worker.transport.transport import HEADERS

#: The Lua script for wrk: the same request each time, with a different key.
WRK_SCRIPT = """
local number = 0
wrk.method = "POST"
wrk.body = [==[{body}]==]
{headers}
function request()
  number = number + 1
  wrk.headers["Idempotency-Key"] = string.format("ajs-next-%024d/sale", number)
  return wrk.format(nil, "{path}")
end
"""


def prepared(number: int) -> tuple[str, bytes, str]:
    """Path, body and idempotency key of an event's only call."""
    (call,) = plan(event(number), SETTINGS).calls
    return call.path, call.body, idempotency_key(message_id(number), call.name)


def post(url: str, numbers: range, threads: int) -> None:
    """Post everything once, from threads that share a pool of connections, when a line is read."""
    requests = [prepared(number) for number in numbers]
    pool = urllib3.connection_from_url(url, maxsize=threads)
    positions = count()

    def send() -> None:
        while (position := next(positions)) < len(requests):
            path, body, key = requests[position]
            answer = pool.urlopen(
                "POST", path, body, {**HEADERS, "Idempotency-Key": key}, retries=False
            )
            assert answer.status == 200

    workers = [Thread(target=send) for _ in range(threads)]
    print("ready", flush=True)
    sys.stdin.readline()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def urllib3_rate(sink: Sink, events: int, threads: int, processes: int = 2) -> float:
    """The requests per second of several such processes together, measured at the sink."""
    share = events // processes
    sink.forget()
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.bare_http", sink.url),
                *map(str, (number * share, (number + 1) * share, threads)),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate()
        assert process.returncode == 0
    sink.wait_for(processes * share)
    require_once(sink.arrivals(), range(processes * share))
    return steady_rate(sink.arrivals())


def wrk_rate(sink: Sink, connections: int, seconds: int = 3) -> float | None:
    """The requests per second of wrk with the same request; None if wrk is not installed."""
    wrk = shutil.which("wrk")
    if not wrk:
        return None
    path, body, _ = prepared(0)
    headers = "\n".join(f'wrk.headers["{name}"] = "{text}"' for name, text in HEADERS.items())
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "same.lua"
        script.write_text(
            WRK_SCRIPT.format(body=body.decode(), headers=headers, path=path), encoding="utf-8"
        )
        command = [wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(script)]
        done = subprocess.run([*command, sink.url], capture_output=True, text=True, check=True)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    assert rate is not None
    return float(rate[1])


if __name__ == "__main__":
    post(sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))
