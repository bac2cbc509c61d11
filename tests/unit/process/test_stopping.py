"""The stop flag, in real processes."""

import os
import subprocess
import sys

from worker.process.stopping import StopFlag

#: A parent that ends once its child has looked; the child prints before and after whether it stops.
ORPHAN = """
import os, time
from worker.process.stopping import StopFlag
flag = StopFlag()
go, gone = os.pipe()
ready, looked = os.pipe()
if os.fork() == 0:
    os.close(gone)
    before = flag()
    os.write(looked, b"!")
    os.read(go, 1)  # until the parent is gone
    deadline = time.monotonic() + 30
    while not flag() and time.monotonic() < deadline:
        time.sleep(0.01)
    print(before, flag(), flush=True)
    os._exit(0)
os.close(go)
os.read(ready, 1)
os._exit(0)
"""


def test_a_child_sees_that_its_parent_stops() -> None:
    flag = StopFlag()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read, 1)
        os._exit(int(flag()))
    flag.set()
    os.write(write, b"!")
    _, status = os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    assert os.waitstatus_to_exitcode(status) == 1
    assert flag()


def test_a_process_that_leaves_leaves_alone() -> None:
    flag = StopFlag()
    child = os.fork()
    if child == 0:
        flag.leave()
        os._exit(int(flag()))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    assert not flag()


def test_a_child_stops_when_its_parent_is_gone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "True"]
