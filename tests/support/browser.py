"""A real browser without a screen."""

import shutil
import subprocess
from pathlib import Path

BROWSER = shutil.which("chromium")

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--virtual-time-budget=9000"),  # below the 10 s after which pages reload
)

PNG = b"\x89PNG\r\n\x1a\n"


def browse(url: str, profile: Path, *options: str) -> str:
    """Open a page in a browser, and return what the browser prints."""
    command = [str(BROWSER), *_OPTIONS, f"--user-data-dir={profile}", *options, url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout
