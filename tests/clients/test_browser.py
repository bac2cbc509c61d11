"""Segment's library for browsers sends from a page of another origin, in headless Chromium."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.collector_process import KEY, CollectorProcess
from tests.support.killed_server import Server
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

PAGE = """<!doctype html><title>Cart</title>
<script>window.configuration = {configuration}</script><script src="bundle.js"></script>"""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
]


class _Pages(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serve a folder, and return the origin of its pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def browser(url: str, profile: Path) -> Iterator[None]:
    """Open a page in Chromium."""
    assert CHROMIUM is not None
    process = subprocess.Popen(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={profile}",
            url,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def shop(npm_folder: Path, tmp_path: Path) -> Path:
    """A folder with the page's script."""
    source = npm_folder / "page.js"
    shutil.copy(Path(__file__).parent / "page.js", source)
    bundle = tmp_path / "bundle.js"
    command = ["npx", "esbuild", source, "--bundle", f"--outfile={bundle}", "--log-level=error"]
    subprocess.run(command, cwd=npm_folder, check=True)
    return tmp_path


@pytest.mark.parametrize("batching", [False, True])
@pytest.mark.parametrize("outage", [False, True])
@pytest.mark.environment(EVENTS='{"Signed Up": "signup"}')
def test_a_page_sends_and_tries_again(
    shop: Path, stack: Stack, tmp_path: Path, *, batching: bool, outage: bool
) -> None:
    Server(stack)  # it writes to disk before it answers
    stack.start_worker()
    journal = stack.producer().journal
    with (
        pages(shop) as origin,
        CollectorProcess({**stack.environment, "CONVERTRO_CORS_ORIGINS": origin}) as collector,
    ):
        configuration = {
            "collector": f"127.0.0.1:{collector.port}",
            "writeKey": KEY,
            "batching": batching,
            "laterMs": 4000 if outage else 500,
        }
        page = PAGE.format(configuration=json.dumps(configuration))
        (shop / "index.html").write_text(page)
        with browser(f"{origin}/index.html", tmp_path / "profile"):
            until(lambda: journal.snapshot().total("accepted") >= 4)
            if outage:
                with Server(stack).hung():
                    time.sleep(7)
            until(lambda: journal.snapshot().total("accepted") >= 5)
        text = collector.metrics()
    assert ('status="503"' in text) is outage
    until(lambda: journal.snapshot().in_flight == 0)
    calls = {call.key.partition("/")[2]: call.body for call in stack.sandbox.calls()}
    assert calls["TrackUser"]["traits"] == {"email": "ada@example.com", "id": "u1"}
    assert calls["signup"]["event_type"] == "signup"
    orders = [call.body for call in stack.sandbox.calls() if call.key.endswith("/sale")]
    assert sorted(order["event_id"] for order in orders) == ["o-1", "o-2"]
    assert journal.snapshot().total("skipped") == 1  # the page view
    assert journal.snapshot().unaccounted == 0
