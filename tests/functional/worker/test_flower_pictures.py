"""Flower's pages as a browser draws them.

With TEST_PICTURES=1 in the environment the test renews the two pictures in `docs`.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.browser import BROWSER, PNG, browse
from tests.support.events import mobile_track
from tests.support.flower_process import Flower
from tests.support.waiting import until
from worker.lab.demo.stack import ROOT, Stack
from worker.task_names import DEAD_LETTER, DELIVER

#: The window of a picture that is read beside the text of a page.
MOST_BYTES = 150 * 1024

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed"),
    pytest.mark.skipif("CI" in os.environ, reason="pictures are for people's machines, not for CI"),
]


@pytest.mark.environment(BREAKER_MIN_COUNT="1000")
def test_a_browser_shows_dead_letters_among_the_tasks(stack: Stack, tmp_path: Path) -> None:
    flower = Flower(stack)
    stack.sandbox.add_fault("status=400,match=order-5512")
    stack.start_worker("--hostname", "worker-1@shop")
    until(flower.knows_worker)
    producer = stack.producer()
    for number in range(5509, 5515):
        context = {"context": {}} if number == 5510 else {}
        producer.intake.enqueue(mobile_track(messageId=f"order-{number}", **context))
        until(lambda: producer.journal.snapshot().in_flight == 0)
    until(lambda: len(flower.tasks(taskname=DEAD_LETTER)) == 2)
    until(lambda: len(flower.tasks(taskname=DELIVER, state="SUCCESS")) >= 1)
    pages = {"tasks": ("/tasks", "1500,580"), "dead-letter": ("/task/order-5512", "1280,760")}
    for name, (path, size) in pages.items():
        document = browse(f"{flower.address}{path}", tmp_path / "profile", "--dump-dom")
        assert "order-5512" in document
        assert "rejected (http_400)" in document
        picture = tmp_path / f"flower-{name}.png"
        options = (f"--screenshot={picture}", f"--window-size={size}")
        browse(f"{flower.address}{path}", tmp_path / "profile", *options)
        assert picture.read_bytes().startswith(PNG)
        assert 10_000 < picture.stat().st_size < MOST_BYTES
        if "TEST_PICTURES" in os.environ:
            shutil.copy(picture, ROOT / "docs" / picture.name)
