"""The status page as a browser draws it: on a desktop and a telephone, light and dark.

With TEST_PICTURES=1 in the environment the test renews the picture in `docs`.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.functional.cli.test_exporter import exporter
from tests.support.browser import BROWSER, PNG, browse
from tests.support.cli_process import Cli
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import ROOT, Stack

#: The window and further options of each picture.
VIEWS = {
    "status-page": ("1100,1000", ()),
    "status-page-night": ("1100,1000", ("--blink-settings=preferredColorScheme=0",)),
    "status-page-telephone": ("500,1800", ()),
}

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed"),
    pytest.mark.skipif("CI" in os.environ, reason="pictures are for people's machines, not for CI"),
]


@pytest.mark.environment(CONCURRENCY="4")
def test_a_browser_shows_dead_letters_and_an_outage(stack: Stack, tmp_path: Path) -> None:
    stack.sandbox.add_fault("status=400,match=order-1")
    stack.start_worker("--hostname", "worker-1@shop")
    producer = stack.producer()
    for number in range(60):
        producer.intake.enqueue(mobile_track(messageId=f"order-{number}"))
    until(lambda: producer.journal.snapshot().in_flight == 0)
    stack.sandbox.add_fault("status=503")
    for number in range(60, 90):
        producer.intake.enqueue(mobile_track(messageId=f"order-{number}"))
    until(lambda: producer.journal.snapshot().breaker.cause)
    with exporter(Cli(stack.environment)) as (url, _):
        page = browse(url, tmp_path / "profile", "--dump-dom")
        assert '<li id="held_failures">' in page
        assert "convertro dead redrive --reason rejected" in page
        for name, (size, options) in VIEWS.items():
            picture = tmp_path / f"{name}.png"
            shot = (f"--screenshot={picture}", f"--window-size={size}", *options)
            browse(url, tmp_path / "profile", *shot)
            assert picture.read_bytes().startswith(PNG)
        if "TEST_PICTURES" in os.environ:
            shutil.copy(tmp_path / "status-page.png", ROOT / "docs")
