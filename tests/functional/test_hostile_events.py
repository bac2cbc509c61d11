"""Thousands of hostile events by every door; a worker survives them all."""

import base64
import json
import subprocess
from uuid import uuid4

from celery import Celery
from redis import Redis

from tests import hostile
from tests.cli_process import COMMAND, MARKER, ROOT, Cli
from tests.events import mobile_track
from tests.hostile_worker import check_a_worker_survives
from tests.waiting import until
from worker.demo.stack import Stack
from worker.names import ENQUEUE, QUEUE
from worker.segment import InvalidEvent, encode

SEED = 20_260_504


def test_a_worker_survives_two_thousand_hostile_events(stack: Stack) -> None:
    check_a_worker_survives(stack, 2_000, SEED)


def is_good_line(line: bytes) -> bool:
    """Whether a line holds an event that can be accepted."""
    try:
        encode(json.loads(line.decode()))
    except (InvalidEvent, ValueError, RecursionError):
        return False
    return True


def test_the_command_names_each_hostile_line_and_takes_the_others(cli: Cli) -> None:
    texts = hostile.drawn(hostile.texts, 600, SEED)
    lines = [
        json.dumps(mobile_track(messageId="first")).encode(),
        *(text for text in texts if text.strip() and b"\n" not in text and b'"batch"' not in text),
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


def test_a_message_that_celery_cannot_read_neither_ends_a_worker_nor_is_quoted(
    stack: Stack,
) -> None:
    """Texts that no Python application sends, put on the queue as other languages would."""
    redis = Redis(port=stack.valkey.port)
    app = Celery("other", broker=stack.environment["CONVERTRO_REDIS_URL"], set_as_current=False)
    app.send_task(ENQUEUE, args=[["EVENT"]], queue="captured")
    envelope = json.loads(redis.lpop("captured").replace(b"captured", QUEUE.encode()))
    body = base64.b64decode(envelope["body"]).decode()
    marked = f'{{"marker":"{MARKER}","a":%s}}'
    worker = stack.start_worker()
    for value in ("[" * 900 + "]" * 900, "[" * 50_000 + "]" * 50_000, "9" * 5000, "NaN", "oops"):
        text = body.replace('"EVENT"', marked % value)
        envelope["body"] = base64.b64encode(text.encode()).decode()
        envelope["headers"]["id"] = envelope["properties"]["delivery_tag"] = str(uuid4())
        redis.lpush(QUEUE, json.dumps(envelope))
    app.send_task(ENQUEUE, args=[mobile_track(messageId="last")], queue=QUEUE)
    app.close()
    journal = stack.producer().journal
    until(lambda: journal.snapshot().total("delivered") == 1 and journal.snapshot().dead == 2)
    assert worker.poll() is None
    assert MARKER not in stack.worker_log.read_text()
    assert stack.worker_log.read_text().count("it was thrown away") == 3
