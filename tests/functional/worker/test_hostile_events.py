"""Thousands of hostile events, by the client and the command line; a worker survives them all."""

import json
import subprocess

from convertro.errors import InvalidEvent
from convertro.segment_event import encode
from tests.support.cli_process import COMMAND, MARKER, ROOT, Cli
from tests.support.events import mobile_track
from tests.support.hostile import events as hostile
from tests.support.hostile.worker import check_a_worker_survives
from worker.lab.demo.stack import Stack

SEED = 20_260_504

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def test_a_worker_survives_two_thousand_hostile_events(stack: Stack) -> None:
    check_a_worker_survives(stack, 2_000, SEED)


def is_one_line(text: bytes) -> bool:
    """Whether a text is one line with one would-be event, not a list or batch."""
    begins = text.removeprefix(BYTE_ORDER_MARK).lstrip()
    return bool(begins) and b"\n" not in text and begins[:1] != b"[" and b'"batch"' not in text


def is_good_line(line: bytes) -> bool:
    """Whether a line holds an event that can be accepted."""
    try:
        encode(json.loads(line.removeprefix(BYTE_ORDER_MARK).decode()))
    except (InvalidEvent, ValueError, RecursionError):
        return False
    return True


def test_the_command_names_each_hostile_line_and_takes_the_others(cli: Cli) -> None:
    texts = hostile.drawn(hostile.texts, 600, SEED)
    lines = [
        json.dumps(mobile_track(messageId="first")).encode(),
        *filter(is_one_line, texts),
    ]
    good = [is_good_line(line) for line in lines]
    ended = subprocess.run(
        [*COMMAND, "enqueue", "-", "--json"],
        cwd=ROOT,
        env=cli.environment(),
        input=b"\n".join(lines),
        capture_output=True,
        check=False,
    )
    errors = ended.stderr.decode()
    assert ended.returncode == 1
    tally = json.loads(ended.stdout)
    print(f"seed {SEED}: {len(lines)} lines, {tally}")
    assert tally["accepted"] + tally["duplicates"] == sum(good)
    assert tally["refused"] == len(lines) - sum(good)
    named = [f"line {number}" for number, fine in enumerate(good, start=1) if not fine]
    assert [line.partition(":")[0] for line in errors.splitlines()] == named
    assert "Traceback" not in errors
    assert MARKER not in errors
